import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { after, test } from "node:test";
import type { Worker } from "node:worker_threads";
import { createChatLanguages } from "#messenger/finding/chat-languages.ts";
import { createLanguageDetector, type LanguageDetector } from "#messenger/finding/language-detector.ts";
import { fault } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { createTestDatabase } from "#test/database.ts";
import { codeOf, createGroup, newUsers, startMessenger } from "#test/messenger-fixture.ts";
import { until } from "#test/until.ts";

const { url, database } = await createTestDatabase();
const messenger = await startMessenger(url);
const log = createLog("silent");

const texts = {
  de: ["kommst du heute Abend?", "bin in zehn Minuten da", "ok danke"],
  ru: ["ты придёшь сегодня вечером?", "буду через десять минут", "ок спасибо"],
  zh: ["会议改到星期四", "好的"],
};

async function write(chatId: string, senderId: string, written: readonly string[]): Promise<void> {
  const sends = written.map((text) => ({ senderId, chatId, clientId: randomUUID(), text, replyTo: "" }));
  await messenger.internal.sendMessages({ sends });
}

async function newChat(written: readonly string[], language = ""): Promise<string> {
  const [anna] = newUsers(1) as [string];
  const { id } = await createGroup(messenger, [anna]);
  if (language) await messenger.as(anna).updateChat({ chatId: id, language });
  await write(id, anna, written);
  return id;
}

/** As a search reads them. */
function read(ids: string[]) {
  const text = `SELECT chat_id AS "chatId", language, detected_language AS "detectedLanguage",
      detected_at_no AS "detectedAtNo", last_no AS "lastNo"
    FROM messenger.chats WHERE chat_id = ANY ($1::uuid[]) ORDER BY array_position($1::uuid[], chat_id)`;
  type Row = Parameters<ReturnType<typeof createChatLanguages>["languagesOf"]>[0][number];
  return database.query<Row>({ name: "test.read-chats", text }, [ids]);
}

function languagesWith(detector?: LanguageDetector, waitMs = 60_000) {
  const options = { database, log, waitMs, pauseMs: 1, pauseAfterFailureMs: 60_000 };
  const languages = createChatLanguages({ ...options, ...(detector ? { detector } : {}) });
  after(() => languages.stop());
  return languages;
}

/** Says the same of every chat, and counts. */
function fakeDetector(language: string) {
  const asked: number[] = [];
  return {
    asked,
    language,
    async detect(chats: string[][]) {
      asked.push(chats.length);
      return chats.map(() => this.language);
    },
    stop: async () => {},
  };
}

test("each chat's language is the one people have said, else found out and kept", async () => {
  const languages = languagesWith();
  const ids = await Promise.all([
    newChat(texts.de),
    newChat(texts.ru),
    newChat(texts.zh),
    newChat(texts.de, "fr"),
  ]);
  const found = await languages.languagesOf(await read(ids));
  assert.deepEqual(found.toSorted(), ["de", "fr", "ru", "zh"]);
  const isStored = async () => (await read(ids)).filter((row) => row.detectedAtNo > 0).length === 3;
  await until("it is stored", isStored);
  const rows = await read(ids);
  assert.deepEqual(
    rows.map((row) => [row.detectedLanguage, row.detectedAtNo]),
    [
      ["de", 3],
      ["ru", 3],
      ["zh", 2],
      ["", 0],
    ],
  );
});

test("what is stored is not found out again until the chat has grown fourfold", async () => {
  const detector = fakeDetector("de");
  const languages = languagesWith(detector);
  const [anna] = newUsers(1) as [string];
  const { id } = await createGroup(messenger, [anna]);
  assert.deepEqual(await languages.languagesOf(await read([id])), [], "there is nothing to find out from");
  await write(id, anna, ["eins", "zwei"]);
  assert.deepEqual(await languages.languagesOf(await read([id])), ["de"]);
  await write(id, anna, ["drei", "vier", "fünf", "sechs", "sieben"]);
  // Also by another process, which has only what is stored.
  const other = languagesWith(detector);
  assert.deepEqual(await languages.languagesOf(await read([id])), ["de"]);
  assert.deepEqual(await other.languagesOf(await read([id])), ["de"]);
  assert.deepEqual(detector.asked, [1]);
  detector.language = "en";
  await write(id, anna, ["eight"]);
  assert.deepEqual(await languages.languagesOf(await read([id])), ["de"], "no search waits for it");
  await until("it is found out anew", async () => (await read([id]))[0]!.detectedLanguage === "en");
  assert.deepEqual(await languages.languagesOf(await read([id])), ["en"]);
});

test("of many chats some are found out at once and the others in the background, each once", async () => {
  const detector = fakeDetector("de");
  const languages = languagesWith(detector);
  const ids = await Promise.all(Array.from({ length: 50 }, () => newChat(["hallo"])));
  const rows = await read(ids);
  const answers = await Promise.all([languages.languagesOf(rows), languages.languagesOf(rows)]);
  assert.deepEqual(answers, [["de"], ["de"]]);
  await until("all are found out", async () => (await read(ids)).every((row) => row.detectedAtNo === 1));
  assert.equal(
    detector.asked.reduce((sum, count) => sum + count),
    50,
  );
  assert.ok(Math.max(...detector.asked) <= 20);
});

test("a chat that somebody is changing is not waited for", async () => {
  const languages = languagesWith(fakeDetector("de"));
  const [busy, free] = (await Promise.all([newChat(["hallo"]), newChat(["hallo"])])) as [string, string];
  const lock = { name: "test.lock", text: "SELECT 1 FROM messenger.chats WHERE chat_id = $1 FOR UPDATE" };
  await database.transaction(async (tx) => {
    await tx.query(lock, [busy]);
    assert.deepEqual(await languages.languagesOf(await read([busy, free])), ["de"]);
    await until("the other is stored", async () => (await read([free]))[0]!.detectedAtNo === 1);
  });
  assert.equal((await read([busy]))[0]!.detectedAtNo, 0);
  assert.deepEqual(await languages.languagesOf(await read([busy])), ["de"], "it is known here all the same");
});

test("a failure is an unknown language, and is not tried again at once", async () => {
  const detector = { ...fakeDetector("de"), calls: 0 };
  detector.detect = async () => {
    detector.calls++;
    throw fault("unavailable");
  };
  const languages = languagesWith(detector);
  const [one, other] = await read(await Promise.all([newChat(["hallo"]), newChat(["hallo"], "de")]));
  assert.deepEqual(await languages.languagesOf([one!]), []);
  assert.deepEqual(await languages.languagesOf([one!, other!]), ["de"]);
  assert.equal(detector.calls, 1);
});

test("a search does not wait for what takes long, nor does anything start after the end", async () => {
  const { promise, reject } = Promise.withResolvers<string[]>();
  // The end may come before anybody waits for it.
  promise.catch(() => {});
  const detector = { detect: () => promise, stop: async () => reject(fault("unavailable")) };
  const languages = languagesWith(detector, 1);
  const rows = await read([await newChat(["hallo"])]);
  assert.deepEqual(await languages.languagesOf(rows), []);
  await languages.stop();
  assert.deepEqual(await languages.languagesOf(rows), []);
});

test("a thread that has ended is replaced by the next question, and none is started after the end", async () => {
  const detector = createLanguageDetector();
  const ask = () => detector.detect([texts.de, texts.ru]);
  const started = once(process, "worker") as Promise<[Worker]>;
  assert.deepEqual(await ask(), ["de", "ru"]);
  const [thread] = await started;
  // More than it answers before it has ended.
  const asked = codeOf(detector.detect(Array.from({ length: 5_000 }, () => texts.de)));
  await thread.terminate();
  assert.equal(await asked, "unavailable");
  assert.deepEqual(await ask(), ["de", "ru"]);
  await detector.stop();
  assert.equal(await codeOf(ask()), "unavailable");
});

test("a thread that does not answer in time is ended, and who waits is told", async () => {
  const detector = createLanguageDetector({ timeoutMs: 1 });
  after(() => detector.stop());
  assert.equal(await codeOf(detector.detect([texts.de])), "unavailable");
});
