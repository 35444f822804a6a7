import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { foldWord } from "#messenger/text-index/fold-word.ts";
import { visitAnyWords, type Word, wordsOf } from "#messenger/text-index/words-of.ts";

const wordsIn = (text: string) => wordsOf(text).map(({ word }) => word);

function anyWordsOf(text: string): Word[] {
  const words: Word[] = [];
  visitAnyWords(text, (word, start, end) => words.push({ word, start, end }));
  return words;
}

test("words are without case, accents and compatibility forms; letters of their own stay", () => {
  const expected = {
    "Don't STOP, e-mail me!": ["don", "t", "stop", "e", "mail", "me"],
    "Übergrößen naïve Œuvre": ["ubergrossen", "naive", "oeuvre"],
    "ёлка Йод и́ли": ["елка", "йод", "или"],
    "ΟΔΟΣ οδός": ["οδοσ", "οδοσ"],
    "x² ﬁne Ⅳ": ["x2", "fine", "iv"],
    "İstanbul ISTANBUL": ["istanbul", "istanbul"],
    "soft\u00adhyphen zero\u200bwidth": ["softhyphen", "zerowidth"],
    "👍 ok 👩‍👧": ["👍", "ok", "👩", "👧"],
    "שָׁלוֹם مَرْحَبًا": ["שלום", "مرحبا"],
    안녕하세요: ["안녕하세요"],
  };
  for (const [text, words] of Object.entries(expected)) assert.deepEqual(wordsIn(text), words);
  assert.ok(wordsIn("我们明天见面").length > 1);
});

test("the fast way gives what the thorough one does", () => {
  const plain = fc.string({
    unit: fc.integer({ min: 1, max: 0x206f }).map((unit) => String.fromCharCode(unit)),
  });
  const latin = fc.string({
    unit: fc.integer({ min: 0x20, max: 0x17f }).map((unit) => String.fromCharCode(unit)),
  });
  const greek = fc.string({ unit: fc.constantFrom(..." ΣσςΆάΐ,aZёЙÏŉŀ") });
  fc.assert(
    fc.property(fc.oneof(plain, latin, greek, fc.string({ unit: "binary" })), (text) => {
      assert.deepEqual(wordsOf(text), anyWordsOf(text));
    }),
    { numRuns: 3_000, examples: [["Ⱥ²"], ["aȾ ²"]] },
  );
});

test("each letter for itself is folded alike by both ways, and a folded word is folded no further", () => {
  for (let unit = 0x20; unit < 0xd800; unit++) {
    const text = `A${String.fromCharCode(unit)}b ${String.fromCharCode(unit)}`;
    assert.deepEqual(wordsOf(text), anyWordsOf(text), unit.toString(16));
    for (const { word } of wordsOf(text)) assert.equal(foldWord(word), word, unit.toString(16));
  }
});

test("words are cut at 64 characters, and their places are those in the text", () => {
  assert.deepEqual(wordsIn("ß".repeat(50)), ["s".repeat(64)]);
  const text = "Ein Übermaß, 字 und 👍";
  for (const { start, end, word } of wordsOf(text)) assert.equal(foldWord(text.slice(start, end)), word);
});
