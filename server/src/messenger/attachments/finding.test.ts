import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MessageQuerySchema } from "@parley/api/internal/messenger";
import { beforeAll, listTexts, setEntries } from "#messenger/store-text-index.ts";
import { rebuildTextIndex } from "#messenger/text-index/rebuild.ts";
import { createTestDatabase } from "#test/database.ts";
import { createFakeBlobs } from "#test/fake-blobs.ts";
import { createGroup, newUsers, send, startMessenger } from "#test/messenger-fixture.ts";
import { findViolations } from "#test/messenger-invariants.ts";

const { url, database } = await createTestDatabase();
const blobs = createFakeBlobs();
const messenger = await startMessenger(url, {}, { blobs });
const unindexed = await startMessenger(url, { PARLEY_SEARCH_INDEX: "off" }, { blobs });

async function newChat() {
  const [anna] = newUsers(1) as [string];
  blobs.put(anna, "file");
  const { id: chatId } = await createGroup(messenger, [anna]);
  const sendFile = async (name: string, text = "", at = messenger) => {
    const attachments = [{ key: "file", name }];
    const { message } = await at.as(anna).sendMessage({ chatId, clientId: randomUUID(), text, attachments });
    return message!;
  };
  const find = async (query: MessageInitShape<typeof MessageQuerySchema>) => {
    const { hits } = await messenger.internal.findMessages({ userId: anna, query });
    return hits.map(({ message }) => message!.id).sort();
  };
  return { anna, chatId, sendFile, find };
}

const word = (text: string) => ({ terms: [{ text }] });
const rebuild = () => rebuildTextIndex({ database, signal: new AbortController().signal, onProgress() {} });

test("messages are found by their having attachments, and by what those are called", async () => {
  const { anna, chatId, sendFile, find } = await newChat();
  const photo = await sendFile("summer_holidays-2026.jpg");
  const report = await sendFile("Budgetübersicht.pdf", "as promised");
  const plain = await send(messenger, { userId: anna, chatId, text: "summer has come" });
  assert.deepEqual(await find({ hasAttachment: true }), [photo.id, report.id].sort());
  assert.deepEqual(await find({ ...word("summer"), hasAttachment: true }), [photo.id]);
  assert.deepEqual(await find(word("summer")), [photo.id, plain.id].sort());
  assert.deepEqual(await find(word("holiday")), [photo.id]);
  assert.deepEqual(await find(word("budgetubersicht")), [report.id]);
  assert.deepEqual(await find({ terms: [{ text: "promised budgetübersicht", phrase: true }] }), []);
  assert.deepEqual(await findViolations(database), []);
});

test("an edit and a rebuild leave them findable; a deletion does not", async () => {
  const { anna, chatId, sendFile, find } = await newChat();
  const message = await sendFile("zeppelin.png", "before");
  const late = await sendFile("zeppelin.png", "", unindexed);
  await messenger.as(anna).editMessage({ chatId, messageId: message.id, text: "after" });
  assert.deepEqual(await find({ ...word("zeppelin"), hasAttachment: true }), [message.id]);
  await rebuild();
  const both = [message.id, late.id].sort();
  assert.deepEqual(await find({ ...word("zeppelin"), hasAttachment: true }), both);
  assert.deepEqual(await find(word("before")), []);
  await messenger.as(anna).deleteMessage({ chatId, messageId: message.id });
  assert.deepEqual(await find(word("zeppelin")), [late.id]);
  assert.deepEqual(await findViolations(database), []);
});

test("a message without a text that is deleted while it is indexed stays without words", async () => {
  const { anna, chatId, sendFile } = await newChat();
  const { id: messageId } = await sendFile("gone.png");
  const rows = await listTexts(database, "all", beforeAll, { messages: 1_000, bytes: 1_000_000 });
  const row = rows.find(([id]) => id === chatId)!;
  await messenger.as(anna).deleteMessage({ chatId, messageId });
  assert.equal(await setEntries(database, [row], ["'#attachment' 'gone':1"]), 0);
  assert.deepEqual(await findViolations(database), []);
});
