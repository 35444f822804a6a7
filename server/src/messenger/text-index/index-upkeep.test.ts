import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { beforeEach, test } from "node:test";
import { reindexLockId } from "#messenger/store-text-index.ts";
import { fillIn } from "#messenger/text-index/fill-in.ts";
import { createIndexUpkeep } from "#messenger/text-index/index-upkeep.ts";
import { mergePending } from "#messenger/text-index/keep-merged.ts";
import { createTextIndex } from "#messenger/text-index/text-index.ts";
import { exclusively } from "#platform/exclusively.ts";
import { createLog } from "#platform/log.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { createTestDatabase } from "#test/database.ts";
import { createGroup, newUsers, send, startMessenger } from "#test/messenger-fixture.ts";
import { findViolations } from "#test/messenger-invariants.ts";
import { until } from "#test/until.ts";

const { url, database } = await createTestDatabase();
// As a server of before, which knows of no index.
const messenger = await startMessenger(url, { PARLEY_SEARCH_INDEX: "off" });
const [anna] = newUsers(1) as [string];
const { id: chatId } = await createGroup(messenger, [anna]);
const log = createLog("silent");
const never = new AbortController().signal;

let textIndex = createTextIndex({ isOn: true });
const seen = { merged: 0, filledIn: 0, left: -1 };
const metrics = {
  merged(pages: number) {
    seen.merged += pages;
  },
  filledIn(messages: number) {
    seen.filledIn += messages;
  },
  setNotIndexed(messages: number) {
    seen.left = messages;
  },
};
const fill = (signal = never) => fillIn({ database, textIndex, metrics, log }, signal);

beforeEach(() => {
  textIndex = createTextIndex({ isOn: true });
  Object.assign(seen, { merged: 0, filledIn: 0, left: -1 });
});

async function sendMany(count: number, text: (nth: number) => string) {
  const sends = Array.from({ length: count }, (_, nth) => {
    return { senderId: anna, chatId, clientId: randomUUID(), text: text(nth), replyTo: "" };
  });
  const { outcomes } = await messenger.internal.sendMessages({ sends });
  return outcomes.map(({ message }) => message!);
}

const run = (text: string) => database.withClient((client) => client.query(text));

test("what has no words gets those of its text, page by page; what is deleted gets none", async () => {
  const sent = await sendMany(450, (nth) => `message number ${nth} speaks`);
  await messenger.as(anna).deleteMessage({ chatId, messageId: sent[7]!.id });
  await run(
    `UPDATE messenger.messages SET words = NULL WHERE chat_id = '${chatId}' AND seq = ${sent[7]!.seq}`,
  );
  assert.notDeepEqual(await findViolations(database), []);
  await fill();
  assert.deepEqual(await findViolations(database), []);
  assert.deepEqual([seen.filledIn, seen.left], [450, 0]);
});

test("long texts go in smaller pages", async () => {
  await sendMany(60, (nth) => `${nth} long `.repeat(2_000).slice(0, 16_000));
  await fill();
  assert.deepEqual(await findViolations(database), []);
});

test("an edit that comes between reading a text and writing its words wins", async () => {
  const [message] = await sendMany(1, () => "former");
  // The vocabulary is written in between: there, the message is edited.
  const slow = {
    ...database,
    async query(statement: never, values: never) {
      const rows = await database.query(statement, values);
      if ((statement as { name: string }).name === "messenger.insert-words") {
        await messenger.as(anna).editMessage({ chatId, messageId: message!.id, text: "edited" });
      }
      return rows as never;
    },
  };
  await fillIn({ database: slow, textIndex, metrics, log }, never);
  assert.equal(seen.left, 1, "the edit of a server of before left it without words");
  await fill();
  assert.deepEqual(await findViolations(database), []);
});

test("one at a time: while another process does it, nothing is done", async () => {
  await sendMany(1, () => "another");
  await exclusively(database, reindexLockId, () => fill());
  assert.equal(seen.filledIn, 0);
  await fill();
  assert.equal(seen.filledIn, 1);
});

test("a text whose words the database refuses is given none, and the others theirs", async () => {
  const sent = await sendMany(3, (nth) => (nth === 1 ? "unbearable" : "fine"));
  await run("ALTER TABLE messenger.messages ADD CONSTRAINT no_such CHECK (NOT words @@ 'unbearable')");
  await fill();
  assert.equal(seen.left, 0);
  assert.equal((await findViolations(database)).length, 1);
  await run("ALTER TABLE messenger.messages DROP CONSTRAINT no_such");
  await messenger.as(anna).deleteMessage({ chatId, messageId: sent[1]!.id });
});

test("is ended by a stop between two pages", async () => {
  await sendMany(450, () => "enough for pages");
  const stopping = new AbortController();
  const stopAtOnce = { ...metrics, filledIn: () => stopping.abort() };
  await fillIn({ database, textIndex, metrics: stopAtOnce, log }, stopping.signal);
  assert.equal(seen.left, 250);
  await fill();
});

test("new entries are merged, unless somebody else is at it", async () => {
  const on = await startMessenger(url);
  await send(on, { userId: anna, chatId, text: "to be merged" });
  await on.stop();
  await run("SELECT gin_clean_pending_list('messenger.messages_words')");
  await sendMany(1, () => "indexed by the fill-in");
  await fill();
  await mergePending(database, metrics, never);
  assert.ok(seen.merged > 0);
});

test("a stop does not wait for a merge", async () => {
  const stopping = new AbortController();
  stopping.abort(new Error("stopped"));
  await mergePending(database, metrics, stopping.signal);
  assert.equal(seen.merged, 0);
  assert.equal((await database.query({ name: "test.still", text: "SELECT 1 AS one" })).length, 1);
});

test("all of it happens by itself after a start", async () => {
  await sendMany(5, () => "left by a server of before");
  const upkeep = createIndexUpkeep({
    database,
    textIndex,
    telemetry: noTelemetry,
    log,
    mergeEveryMs: 5,
    fillInEveryMs: 5,
  });
  upkeep.start();
  await until("all is indexed", async () => (await findViolations(database)).length === 0);
  await upkeep.stop();
});
