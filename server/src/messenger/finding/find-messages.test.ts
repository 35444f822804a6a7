import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { FindOrder, type MessageQuerySchema } from "@parley/api/internal/messenger";
import type { SearchHit } from "@parley/api/v2/search";
import { createTestDatabase } from "#test/database.ts";
import { codeOf, createGroup, newUsers, send, startMessenger } from "#test/messenger-fixture.ts";

const { url } = await createTestDatabase();
const messenger = await startMessenger(url);

type Query = MessageInitShape<typeof MessageQuerySchema>;

const word = (text: string): Query => ({ terms: [{ text }] });
const phrase = (text: string): Query => ({ terms: [{ text, phrase: true }] });

async function find(userId: string, query: Query, limit = 0): Promise<SearchHit[]> {
  return (await messenger.internal.findMessages({ userId, query, limit })).hits;
}

const idsOf = (hits: readonly SearchHit[]) => hits.map(({ message }) => message!.id);
const shown = ({ fragments }: SearchHit) =>
  fragments.map(({ parts }) => parts.map(({ text, match }) => (match ? `[${text}]` : text)).join(""));

async function read(userId: string, query: Query, messageIds: string[]): Promise<SearchHit[]> {
  return (await messenger.internal.readFoundMessages({ userId, query, messageIds })).hits;
}

async function newChat(title?: string) {
  const [userId, other] = newUsers(2) as [string, string];
  const { id: chatId } = await createGroup(messenger, [userId, other]);
  if (title !== undefined) await messenger.as(userId).updateChat({ chatId, title });
  const say = (text: string, by = userId) => send(messenger, { userId: by, chatId, text });
  return { userId, other, chatId, say };
}

/** All pages. */
async function findAll(userId: string, query: Query, limit: number, budgetMs = 0): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor = "", pages = 0; ; pages++) {
    assert.ok(pages < 1_000, "a search for all comes to an end");
    const answer = await messenger.internal.findMessages({
      userId,
      query,
      order: FindOrder.NEWEST,
      limit,
      cursor,
      budgetMs,
    });
    ids.push(...answer.messageIds);
    if (answer.nextCursor === undefined) return ids;
    cursor = answer.nextCursor;
  }
}

test("takes a stop word of one language for no form of a word by the rules of another", async () => {
  const { userId, chatId, say } = await newChat();
  await messenger.as(userId).updateChat({ chatId, language: "de" });
  await say("This has not been paid");
  const notes = await say("Where are the notes?");
  const bought = await say("Zwei neue Häuser");
  assert.deepEqual(idsOf(await find(userId, word("note"))), [notes.id]);
  assert.deepEqual(idsOf(await find(userId, word("Haus"))), [bought.id]);
});

test("finds a message by another form of its word, and shows where", async () => {
  const { userId, say } = await newChat();
  await say("Nothing about it here");
  const sent = await say("We were meeting for the meetings' sake");
  const hits = await find(userId, word("Meeting"));
  assert.deepEqual(idsOf(hits), [sent.id]);
  assert.deepEqual(shown(hits[0]!), ["We were [meeting] for the [meetings]' sake"]);
  assert.ok(hits[0]!.score > 0);
});

test("ranks the word itself above its forms, those above what is like it, and the newer above the older", async () => {
  const { userId, say } = await newChat();
  const part = await say("A skyscraper");
  const older = await say("Scrapers are noisy");
  const newer = await say("Scrapers are still noisy");
  const exact = await say("The scraper is quiet");
  await say("Skies are blue");
  assert.deepEqual(idsOf(await find(userId, word("scraper"))), [exact.id, newer.id, older.id, part.id]);
});

test("all terms have to be there, excluded ones not", async () => {
  const { userId, say } = await newChat();
  await say("apples only");
  const both = await say("apples and pears");
  await say("apples, pears and plums");
  const query = { terms: [{ text: "apples" }, { text: "pears" }, { text: "plum", excluded: true }] };
  assert.deepEqual(idsOf(await find(userId, query)), [both.id]);
  assert.equal(await codeOf(find(userId, { terms: [{ text: "plum", excluded: true }] })), "invalid-input");
});

test("filters by sender, time and chat", async () => {
  const { userId, other, chatId, say } = await newChat("Holidays in Málaga");
  const mine = await say("a boat trip");
  const theirs = await say("a boat trip", other);
  const at = theirs.createdAt!;
  assert.deepEqual(idsOf(await find(userId, { ...word("boat"), senderIds: [other] })), [theirs.id]);
  assert.deepEqual(idsOf(await find(userId, { senderIds: [userId] })), [mine.id]);
  assert.deepEqual(idsOf(await find(userId, { ...word("boat"), before: mine.createdAt! })), []);
  const later = { ...at, seconds: at.seconds + 1n };
  assert.equal((await find(userId, { ...word("boat"), before: later })).length, 2);
  assert.equal((await find(userId, { ...word("boat"), notBefore: mine.createdAt! })).length, 2);
  assert.deepEqual(await find(userId, { ...word("boat"), notBefore: later }), []);
  for (const chats of [[chatId], [chatId.toUpperCase()], ["malaga"], ["IN MÁLAGA"], ["nowhere", "holi"]]) {
    assert.equal((await find(userId, { ...word("boat"), chats })).length, 2, chats.join());
  }
  for (const chats of [["nowhere"], [randomUUID()], ["%"], [""], ["'; DROP TABLE x"]]) {
    assert.deepEqual(await find(userId, { ...word("boat"), chats }), [], chats.join());
  }
  assert.deepEqual(await find(userId, { ...word("boat"), hasAttachment: true }), []);
});

test("a message is not found once it is deleted, nor by what it said before it was edited", async () => {
  const { userId, chatId, say } = await newChat();
  const edited = await say("the password is swordfish");
  const deleted = await say("swordfish again");
  const ids = [edited.id, deleted.id];
  assert.equal((await read(userId, word("swordfish"), ids)).length, 2);
  await messenger.as(userId).editMessage({ chatId, messageId: edited.id, text: "never mind" });
  await messenger.as(userId).deleteMessage({ chatId, messageId: deleted.id });
  assert.deepEqual(await find(userId, word("swordfish")), []);
  assert.deepEqual(await read(userId, word("swordfish"), ids), []);
  assert.deepEqual(idsOf(await find(userId, word("never"))), [edited.id]);
  assert.deepEqual(
    await find(userId, { senderIds: [userId], terms: [{ text: "x", excluded: true }] }).then(idsOf),
    [edited.id],
  );
});

test("nobody finds, or reads, a message of a chat that is not theirs", async () => {
  const secret = await newChat("Secret plans");
  const message = await secret.say("the treasure is under the oak");
  const [stranger] = newUsers(1) as [string];
  await createGroup(messenger, [stranger, ...newUsers(1)]);
  const own = await newChat("Secret garden");
  await own.say("there is no treasure here");
  for (const reader of [stranger, own.userId]) {
    for (const chats of [[], ["secret"], ["Secret plans"], [secret.chatId]]) {
      const query = { ...word("treasure"), chats };
      assert.ok(!idsOf(await find(reader, query)).includes(message.id));
      assert.ok(!(await findAll(reader, query, 10)).includes(message.id));
      assert.deepEqual(await read(reader, query, [message.id]), []);
    }
    assert.deepEqual(await read(reader, { senderIds: [secret.userId] }, [message.id]), []);
  }
  assert.deepEqual(idsOf(await find(secret.other, word("treasure"))), [message.id]);
});

test("who was removed finds nothing more, not even by a cursor or ids of before", async () => {
  const { userId, other, chatId, say } = await newChat();
  const ids = [];
  for (let k = 0; k < 4; k++) ids.push((await say(`lighthouse number ${k}`)).id);
  const query = word("lighthouse");
  const request = { userId: other, query, order: FindOrder.NEWEST, limit: 2 };
  const first = await messenger.internal.findMessages(request);
  assert.equal(first.messageIds.length, 2);
  assert.equal((await read(other, query, ids)).length, 4);
  await messenger.as(userId).removeMember({ chatId, userId: other });
  const second = await messenger.internal.findMessages({ ...request, cursor: first.nextCursor! });
  assert.deepEqual(second.messageIds, []);
  assert.deepEqual(await read(other, query, ids), []);
  assert.deepEqual(await find(other, query), []);
});

test("reads what was found in the order of the ids, and leaves out what does not match", async () => {
  const { userId, say } = await newChat();
  const [one, two, three] = [await say("red kite"), await say("blue kite"), await say("blue boat")];
  const hits = await read(userId, word("kites"), [three.id, two.id, "no-id", one.id, two.id.slice(1)]);
  assert.deepEqual(idsOf(hits), [two.id, one.id]);
  assert.deepEqual(shown(hits[0]!), ["blue [kite]"]);
});

test("pages of all matches are complete and without repetition while messages come in", async () => {
  const { userId, say } = await newChat();
  const sent: string[] = [];
  for (let k = 0; k < 25; k++) {
    sent.push((await say(`pigeon ${k}`)).id);
    if (k % 3 === 0) await say("a dove");
  }
  const found: string[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const request = { userId, query: word("pigeons"), order: FindOrder.NEWEST, limit: 4, cursor };
    const answer = await messenger.internal.findMessages(request);
    found.push(...answer.messageIds);
    cursor = answer.nextCursor;
    if (found.length < 20) await say("one more pigeon");
  }
  assert.deepEqual(found, sent.toReversed());
  assert.deepEqual(
    await findAll(userId, { senderIds: [userId] }, 7).then((ids) => new Set(ids).size),
    25 + 9 + 4,
  );
});

test("all matches are words that are like what was asked for when there is nothing else", async () => {
  const { userId, say } = await newChat();
  const sent = await say("The archaeologist was delighted");
  assert.deepEqual(await findAll(userId, word("archeologist"), 10), [sent.id]);
  assert.deepEqual(idsOf(await read(userId, word("archeologist"), [sent.id])), [sent.id]);
  assert.deepEqual(await findAll(userId, word("nothingofthekind"), 10), []);
});

test("a search without time says so, and one for all of them gets on all the same", async () => {
  const { userId, say } = await newChat();
  const sent = [];
  for (let k = 0; k < 5; k++) sent.unshift((await say(`heron ${k}`)).id);
  assert.deepEqual(await findAll(userId, word("heron"), 2, 1), sent);
});

test("says what a query needs", async () => {
  const { userId } = await newChat();
  const refused = (query: Query) => codeOf(find(userId, query));
  for (const text of ["", "?!", "a", "\u200b", "()&|!:*"])
    assert.equal(await refused(word(text)), "invalid-input", text);
  assert.equal(await refused({}), "invalid-input");
  assert.equal(
    await refused({ terms: Array.from({ length: 33 }, () => ({ text: "word" })) }),
    "invalid-input",
  );
  assert.equal(await refused({ senderIds: ["me"] }), "invalid-input");
  for (const text of ["ab", "猫", "집", "👍"]) assert.equal(await refused(word(text)), "no error", text);
  const cursors = ["x", "AAAA", Buffer.alloc(29, 255).toString("base64url")];
  for (const cursor of cursors) {
    const request = { userId, query: word("word"), order: FindOrder.NEWEST, cursor };
    assert.equal(await codeOf(messenger.internal.findMessages(request)), "invalid-input", cursor);
  }
});

test("phrases are their words in a row, and nothing else", async () => {
  const { userId, say } = await newChat();
  const sent = await say("the quick brown fox");
  await say("the brown quick foxes");
  assert.deepEqual(idsOf(await find(userId, phrase("Quick brown"))), [sent.id]);
  assert.deepEqual(await find(userId, phrase("quick browns")), []);
});
