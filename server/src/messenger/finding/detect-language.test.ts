import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eld } from "eld/extrasmall";
import { detectLanguage } from "#messenger/finding/detect-language.ts";

eld.enableTextCleanup(true);
const detectOne = (text: string) => {
  const result = eld.detect(text);
  return result.isReliable() ? result.language : "";
};
const never = () => assert.fail("writing that gives its language away needs no library");

describe("the language of a few messages", () => {
  const chats: Array<[string, string[]]> = [
    ["en", ["are you coming tonight?", "I'll be there in ten minutes", "ok thanks"]],
    ["de", ["kommst du heute Abend?", "bin in zehn Minuten da", "ok danke"]],
    ["fr", ["tu viens ce soir ?", "j'arrive dans dix minutes", "ok merci"]],
    ["es", ["¿vienes esta noche?", "llego en diez minutos", "vale gracias"]],
    ["ru", ["ты придёшь сегодня вечером?", "буду через десять минут", "ок спасибо"]],
    ["tr", ["bu akşam geliyor musun?", "on dakikaya oradayım", "tamam teşekkürler"]],
    ["ar", ["هل ستأتي الليلة؟", "سأكون هناك بعد عشر دقائق", "حسنا شكرا"]],
  ];
  for (const [language, texts] of chats) {
    test(language, () => assert.equal(detectLanguage(texts, detectOne), language));
  }
});

test("some languages are known by their writing, from one word on, with Latin names among it", () => {
  const texts: Array<[string, string]> = [
    ["zh", "会议改到星期四，React 项目的"],
    ["ja", "会議は木曜日に変更です"],
    ["ko", "안녕"],
    ["th", "สวัสดี"],
    ["el", "καλημέρα"],
    ["ka", "გამარჯობა"],
  ];
  for (const [language, text] of texts) assert.equal(detectLanguage([text], never), language, text);
});

test("what most of the messages are written in counts, not one long quotation", () => {
  const german = [
    "lass uns das Treffen auf Donnerstag verschieben, da haben alle Zeit",
    "das klingt gut, bis morgen",
  ];
  const long = [
    "we hold these truths to be self-evident, that all people are created equal, that they are endowed",
  ];
  const texts = [...german, ...german, ...german, ...long, ...german, ...german, ...german];
  assert.equal(detectLanguage(texts, detectOne), "de");
});

test("nothing is guessed of too little, of no words, or where no language has most of it", () => {
  for (const texts of [[], [""], ["ok"], ["👍", "🎉🎉"], ["12345 67890", "https://example.org/some/page"]]) {
    assert.equal(detectLanguage(texts, detectOne), "", JSON.stringify(texts));
  }
  const chunk = "a".repeat(170);
  let nth = 0;
  assert.equal(
    detectLanguage([chunk, chunk, chunk, chunk], () => ["de", "en"][nth++ % 2]!),
    "",
  );
});

test("hostile texts take no time", () => {
  const texts = [
    "a".repeat(300),
    "1a".repeat(150),
    `${"x.".repeat(150)}`,
    "@".repeat(300),
    "\ud800".repeat(300),
  ];
  const many = Array.from({ length: 40 }, (_, index) => texts[index % texts.length]!);
  assert.equal(typeof detectLanguage(many, detectOne), "string");
});
