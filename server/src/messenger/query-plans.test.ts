import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { Database } from "#platform/database.ts";
import { createTestDatabase } from "#test/database.ts";
import { createFakeDispatch } from "#test/fake-dispatch.ts";
import { createGroup, newUsers, send, startMessenger } from "#test/messenger-fixture.ts";
import { until } from "#test/until.ts";

const { url, database } = await createTestDatabase();

test("rows are found by index from the first message on, and the busiest updates stay in their page", async () => {
  // The migration reads tables too; it is done when this one has stopped.
  await (await startMessenger(url)).stop();
  const messenger = await startMessenger(url, { PARLEY_CHAT_PROCESSING_POLL_MS: "20" }, createFakeDispatch());
  const users = newUsers(3);
  const analyze = () => database.withClient((client) => client.query("ANALYZE"));
  const before = await tableCounts();
  const useAll = async (chatId: string) => {
    for (const userId of users) {
      const client = messenger.as(userId);
      const sends = Array.from({ length: 30 }, () => ({
        senderId: userId,
        chatId,
        clientId: randomUUID(),
        text: "text",
        replyTo: "",
      }));
      const [first] = (await messenger.internal.sendMessages({ sends })).outcomes;
      const messageId = first!.message!.id;
      await messenger.internal.sendMessages({ sends: [{ ...sends[0]!, text: "again" }] });
      await client.sendMessage({ chatId, text: "an answer", replyTo: messageId });
      await client.addReaction({ chatId, messageId, emoji: "👍" });
      await client.removeReaction({ chatId, messageId, emoji: "👍" });
      await client.editMessage({ chatId, messageId, text: "edited" });
      await client.deleteMessage({ chatId, messageId });
      await client.markRead({ chatId, no: 3 });
      await client.listMessages({ chatId });
      await client.listMessages({ chatId, after: 0 });
      await client.listEvents({ chatId });
      await client.listMembers({ chatId });
      await client.listChats({});
      const internal = messenger.internalAs(userId);
      await internal.joinChat({ chatId, displayName: randomUUID() });
      await internal.listChatPage({ limit: 20, offset: 1 });
      await internal.listMessagePage({ chatId, offset: 3 });
      await internal.listMessagePage({ chatId, before: 20, offset: 1 });
      await messenger.internal.listPositions({ userId });
      await messenger.internal.filterAcquaintances({ userId, candidateIds: users });
    }
  };
  // The plans made for the first chat, on tables known to be tiny, are the ones that serve the others.
  const first = await createGroup(messenger, users);
  await analyze();
  await useAll(first.id);
  await analyze();
  for (let round = 0; round < 4; round++) {
    const { id: chatId } = await createGroup(messenger, users);
    // With a processor, and without.
    if (round % 2 === 0) await messenger.as(users[0]!).updateChat({ chatId, processor: "shout" });
    await useAll(chatId);
  }
  await until("all is processed", async () => (await messagesWaiting()) === 0);
  await messenger.stop();

  const after = await countsOnceFlushed(before);
  for (const table of ["chats", "members", "messages", "events", "reactions", "processing"]) {
    assert.equal(after[table]!.seqScans - before[table]!.seqScans, 0, `${table} was read as a whole`);
  }
  const updates = after.chats!.updates - before.chats!.updates;
  const inPage = after.chats!.hotUpdates - before.chats!.hotUpdates;
  assert.ok(inPage / updates > 0.9, `${inPage} of ${updates} updates of chats stayed in their page`);
  // They are for searches: anything else would read them from end to end.
  assert.deepEqual(await scansOf(["messages_by_time", "messages_words", "words_grams"]), [0, 0, 0]);
});

test("reactions and what was made of a text leave the index of words as it is", async () => {
  const { url, database } = await createTestDatabase();
  const messenger = await startMessenger(url);
  const users = newUsers(20);
  const { id: chatId } = await createGroup(messenger, users);
  const messages = [];
  for (let nth = 0; nth < 5; nth++) messages.push(await send(messenger, { userId: users[0]!, chatId }));
  for (const userId of users) {
    for (const { id: messageId } of messages) {
      await messenger.as(userId).addReaction({ chatId, messageId, emoji: "👍" });
    }
  }
  await messenger.stop();
  await until("the database told its counts", async () => {
    const { updates } = (await tableCounts(database)).messages!;
    return updates === users.length * messages.length;
  });
  const { updates, hotUpdates } = (await tableCounts(database)).messages!;
  assert.ok(
    hotUpdates / updates > 0.9,
    `${hotUpdates} of ${updates} updates of messages stayed in their page`,
  );
});

async function scansOf(indexes: string[]): Promise<number[]> {
  const text = `SELECT i.idx_scan::int AS scans FROM unnest($1::text[]) given (name)
    JOIN pg_stat_user_indexes i ON i.indexrelname = given.name`;
  const rows = await database.query<{ scans: number }>({ name: "test.scans", text }, [indexes]);
  return rows.map(({ scans }) => scans);
}

async function messagesWaiting(): Promise<number> {
  const text = "SELECT count(*)::int AS count FROM messenger.processing WHERE chat_id IS NOT NULL";
  return (await database.query<{ count: number }>({ name: "test.waiting", text }))[0]!.count;
}

type TableCounts = Record<string, { seqScans: number; updates: number; hotUpdates: number }>;

async function tableCounts(of: Database = database): Promise<TableCounts> {
  const rows = await of.query<{ table: string; seqScans: number; updates: number; hotUpdates: number }>({
    name: "test.table-counts",
    text: `SELECT relname AS table, seq_scan AS "seqScans", n_tup_upd AS updates, n_tup_hot_upd AS "hotUpdates"
      FROM pg_stat_user_tables WHERE schemaname = 'messenger'`,
  });
  return Object.fromEntries(rows.map(({ table, ...counts }) => [table, counts]));
}

/** A connection tells its counts when it ends, a moment later. */
async function countsOnceFlushed(before: TableCounts): Promise<TableCounts> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const counts = await tableCounts();
    // 15 users' rounds, each of one batch, one answer, three changes at least.
    if (counts.chats!.updates - before.chats!.updates >= 75) return counts;
    assert.ok(performance.now() < deadline, "the database did not tell its counts");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
