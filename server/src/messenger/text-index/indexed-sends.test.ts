import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { indexEntryOf, lexemesOf } from "#messenger/doctor/index-checks.ts";
import { reindexLockId } from "#messenger/store-text-index.ts";
import type { Statement } from "#platform/database.ts";
import { exclusively } from "#platform/exclusively.ts";
import { createTestDatabase } from "#test/database.ts";
import { createGroup, newUsers, send, startMessenger } from "#test/messenger-fixture.ts";
import { findViolations } from "#test/messenger-invariants.ts";
import { until } from "#test/until.ts";

const { url, database } = await createTestDatabase();
const messenger = await startMessenger(url, { PARLEY_MAX_TEXT_BYTES: "1048576" });
const [anna] = newUsers(1) as [string];
const { id: chatId } = await createGroup(messenger, [anna]);

const selectWords: Statement = {
  name: "test.select-words",
  text: `SELECT words::text AS words FROM messenger.messages WHERE chat_id = $1 AND seq = $2`,
};

async function wordsOfMessage(seq: number): Promise<string | null> {
  return (await database.query<{ words: string | null }>(selectWords, [chatId, seq]))[0]!.words;
}

const vocabulary = async () =>
  (
    await database.query<{ word: string }>({
      name: "test.vocabulary",
      text: "SELECT word FROM messenger.words ORDER BY word",
    })
  ).map(({ word }) => word);

test("a message's words are stored with it, each with its places, and are in the vocabulary but for numbers", async () => {
  const { seq } = await send(messenger, {
    userId: anna,
    chatId,
    text: "Übergrößen: 20 Stück, stück für STÜCK",
  });
  const sender = `'@${anna.slice(-8)}'`;
  assert.deepEqual(
    lexemesOf((await wordsOfMessage(seq))!),
    ["'20':2", "'fur':5", "'stuck':3,4,6", "'ubergrossen':1", sender].sort(),
  );
  assert.deepEqual(await vocabulary(), ["fur", "stuck", "ubergrossen"]);
});

const unit = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  fc.constantFrom(
    ..."'\"\\:,* @&|!()<>{}\n\t-_",
    "ab",
    "ﷺ",
    "👩‍👧",
    "\u200d",
    "\u0301",
    "\u0345",
    "ẞ",
    "ǅ",
    "가",
    "漢",
    "ทด",
    "𝔄",
  ),
);
const anyText = fc
  .array(unit, { minLength: 1, maxLength: 60 })
  .map((units) => units.join(""))
  .filter((text) => text.isWellFormed() && text.trim() !== "" && !text.includes("\0"));

const sendsOf = (texts: readonly string[]) =>
  texts.map((text) => ({ senderId: anna, chatId, clientId: randomUUID(), text, replyTo: "" }));

test("any text is stored, with exactly the lexemes that are made of it", async () => {
  const batch = fc.array(anyText, { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(batch, async (texts) => {
      const sends = sendsOf(texts);
      const { outcomes } = await messenger.internal.sendMessages({ sends });
      for (const [index, { message, errorCode }] of outcomes.entries()) {
        assert.ok(message, `${JSON.stringify(texts[index])}: ${errorCode}`);
        const { tsvector } = indexEntryOf({ text: texts[index]!, senderId: anna, attachments: null });
        assert.deepEqual(lexemesOf((await wordsOfMessage(message.seq))!), lexemesOf(tsvector));
      }
    }),
    { numRuns: 100 },
  );
  assert.deepEqual(await findViolations(database), []);
});

test("an edit changes the words, also one that only moves them, and a deletion leaves none", async () => {
  const { id: messageId, seq } = await send(messenger, { userId: anna, chatId, text: "one two" });
  const client = messenger.as(anna);
  await client.editMessage({ chatId, messageId, text: "two, edited" });
  const sender = `'@${anna.slice(-8)}'`;
  assert.deepEqual(lexemesOf((await wordsOfMessage(seq))!), ["'edited':2", "'two':1", sender].sort());
  assert.ok((await vocabulary()).includes("edited"));
  await client.editMessage({ chatId, messageId, text: "two edited!" });
  assert.deepEqual(await findViolations(database), []);
  await client.deleteMessage({ chatId, messageId });
  assert.equal(await wordsOfMessage(seq), "");
});

test("a text that is changed by a server that knows of no index is not found by its former words", async () => {
  await beforeTheBackground(async () => {
    const { seq } = await send(messenger, { userId: anna, chatId, text: "former words" });
    const text = "UPDATE messenger.messages SET text = 'other words' WHERE chat_id = $1 AND seq = $2";
    await database.query({ name: "test.edit-of-before", text }, [chatId, seq]);
    assert.equal(await wordsOfMessage(seq), null);
  });
});

test("the largest texts are stored, with as much of them indexed as there is room for", async () => {
  const longest = 1_048_576;
  const distinct = Array.from({ length: longest / 8 }, (_, nth) => nth.toString(36).padStart(7, "z")).join(
    " ",
  );
  const texts = [
    distinct,
    "字".repeat(longest / 3),
    "a ".repeat(longest / 2),
    "x".repeat(longest),
    "é".repeat(longest / 2),
  ];
  for (const text of texts) {
    const { seq } = await send(messenger, { userId: anna, chatId, text });
    assert.ok(lexemesOf((await wordsOfMessage(seq))!).length > 1);
  }
});

/** The background indexes nothing meanwhile, as if another process were at it. */
async function beforeTheBackground(work: () => Promise<void>): Promise<void> {
  await until("the background rests", () => exclusively(database, reindexLockId, work));
}

const letters = (number: number) => number.toString(2).replaceAll("0", "a").replaceAll("1", "b");

test("messages of a flood of new words are left to the background once there are many, and no others are", async () => {
  const texts = [0, 1, 2, 3].map((nth) =>
    Array.from({ length: 900 }, (_, word) => letters(nth * 1_000 + word).padStart(20, "x")).join(" "),
  );
  texts.push("ababab of somebody else");
  const sends = texts.map((text) => ({ senderId: anna, chatId, clientId: randomUUID(), text, replyTo: "" }));
  const flood = async () => (await vocabulary()).filter((word) => word.startsWith("xxxxx")).length;
  await beforeTheBackground(async () => {
    const { outcomes } = await messenger.internal.sendMessages({ sends });
    const words = await Promise.all(outcomes.map(({ message }) => wordsOfMessage(message!.seq)));
    assert.deepEqual(
      words.map((entry) => entry === null),
      [false, false, true, true, false],
    );
    assert.equal(await flood(), 1_800);
  });
  await until("the background has come to them", async () => (await flood()) === 3_600);
});

test("servers of before store messages, which are to be indexed later", async () => {
  await beforeTheBackground(async () => {
    const text = `SELECT nths FROM messenger.send_messages($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::text[], $6::int[])`;
    const values = [[chatId], [1], [anna], [randomUUID()], ["from before"], [null]];
    const [{ nths }] = (await database.query({ name: "test.send-of-before", text }, values)) as [
      { nths: number[] },
    ];
    assert.deepEqual(nths, [1]);
    const last = "SELECT max(seq) AS seq FROM messenger.messages WHERE chat_id = $1";
    const [{ seq }] = (await database.query({ name: "test.last", text: last }, [chatId])) as [
      { seq: number },
    ];
    assert.equal(await wordsOfMessage(seq), null);
  });
});

test("a batch that is refused for its entries is stored without them, to be indexed later", async () => {
  await beforeTheBackground(async () => {
    // As if the database found something in an entry that it cannot take.
    await database.withClient((client) =>
      client.query("ALTER TABLE messenger.messages ADD CONSTRAINT no_such CHECK (NOT words @@ 'unbearable')"),
    );
    const texts = ["fine", "unbearable"];
    const sends = sendsOf(texts);
    const { outcomes } = await messenger.internal.sendMessages({ sends });
    assert.deepEqual(
      outcomes.map(({ message }) => message?.text),
      texts,
    );
    assert.equal(await wordsOfMessage(outcomes[1]!.message!.seq), null);
  });
});

test("with the index off, nothing is written to it", async () => {
  await beforeTheBackground(async () => {
    const off = await startMessenger(url, { PARLEY_SEARCH_INDEX: "off" });
    const { seq, id: messageId } = await send(off, { userId: anna, chatId, text: "unindexed" });
    assert.equal(await wordsOfMessage(seq), null);
    await off.as(anna).editMessage({ chatId, messageId, text: "unindexed, edited" });
    assert.equal(await wordsOfMessage(seq), null);
    assert.ok(!(await vocabulary()).includes("unindexed"));
  });
});
