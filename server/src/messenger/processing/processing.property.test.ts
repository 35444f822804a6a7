/** Two servers, and a dispatch that takes texts, puts them off, refuses them and fails as it likes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { fault } from "#platform/errors.ts";
import { createTestDatabase } from "#test/database.ts";
import { createFakeDispatch } from "#test/fake-dispatch.ts";
import {
  codeOf,
  createGroup,
  newUsers,
  publishedTo,
  startMessenger,
  type TestMessenger,
} from "#test/messenger-fixture.ts";
import { findViolations } from "#test/messenger-invariants.ts";
import { until } from "#test/until.ts";

const { url, database } = await createTestDatabase();
const settings = { PARLEY_CHAT_PROCESSING_POLL_MS: "20", PARLEY_CHAT_PROCESSING_LEASE_MS: "1000" };
const dispatch = createFakeDispatch();
const one = await startMessenger(url, settings, dispatch);
const two = await startMessenger(url, { ...settings, PARLEY_CHAT_PROCESSING_WORKERS: "2" }, dispatch);

const action = fc.record({
  server: fc.integer({ min: 0, max: 1 }),
  user: fc.integer({ min: 0, max: 1 }),
  kind: fc.constantFrom("send", "send", "edit", "edit", "edit", "delete", "react", "on", "off", "other"),
  target: fc.integer({ min: 1, max: 8 }),
  answers: fc.array(fc.constantFrom("done", "slow", "slow", "later", "failed", "away"), { maxLength: 3 }),
});
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

const rowsOf = async (text: string, chatId: string) =>
  (await database.withClient((client) => client.query(text, [chatId]))).rows;

test("seq has no gap, and what is attached was made of the text beside it", async () => {
  const run = async (actions: Action[]) => {
    const users = newUsers(2);
    const { id: chatId } = await createGroup(one, users);
    await one.as(users[0]!).updateMember({ chatId, userId: users[1]!, role: "admin" });
    await one.as(users[0]!).updateChat({ chatId, processor: "shout" });
    const planned = actions.flatMap(({ answers }) => answers);
    dispatch.answer = async ({ text }) => {
      const next = planned.pop();
      if (next !== "done") await delay(15);
      if (next === "away") throw fault("unavailable", { retryAfterMs: 5 });
      if (next === "later") return { status: "later", retryAfterMs: 5 };
      if (next === "failed") return { status: "failed", errorCode: "too-large" };
      return { result: text.toUpperCase() };
    };
    const perform = ({ server, user, kind, target }: Action, index: number) => {
      const client = (server === 0 ? one : two).as(users[user]!);
      const messageId = `${chatId}-${target}`;
      const calls = {
        send: () => client.sendMessage({ chatId, text: `sent ${index}` }),
        edit: async () => {
          const { messages } = await client.listMessages({ chatId });
          const own = messages.filter(({ senderId, deletedAt }) => senderId === users[user] && !deletedAt);
          const found = own[target % Math.max(own.length, 1)];
          if (!found) return;
          await client.editMessage({ chatId, messageId: found.id, text: `edited ${index}` });
        },
        delete: async () => {
          const { messages } = await client.listMessages({ chatId });
          const found = messages[target % Math.max(messages.length, 1)];
          if (found) await client.deleteMessage({ chatId, messageId: found.id });
        },
        react: () => client.addReaction({ chatId, messageId, emoji: "👍" }),
        on: () => client.updateChat({ chatId, processor: "shout" }),
        off: () => client.updateChat({ chatId, processor: "" }),
        other: () => client.updateChat({ chatId, processor: "default" }),
      };
      return codeOf(Promise.resolve(calls[kind]()));
    };
    const allowed = ["no error", "message-not-found"];
    // Some at a time, so that there are messages to change.
    for (let from = 0; from < actions.length; from += 4) {
      const some = actions.slice(from, from + 4).map((one, nth) => perform(one, from + nth));
      for (const code of await Promise.all(some)) assert.ok(allowed.includes(code), code);
    }
    const left = "SELECT 1 FROM messenger.processing WHERE chat_id = $1";
    await until("all is processed", async () => (await rowsOf(left, chatId)).length === 0);
    assert.deepEqual(await findViolations(database), []);
    const { messages } = await one.as(users[0]!).listMessages({ chatId, limit: 200 });
    for (const { text, processed } of messages)
      if (processed) assert.equal(processed.result, text.toUpperCase());
    await assertPublished(chatId);
  };
  await fc.assert(fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 40, size: "max" }), run), {
    numRuns: 12,
  });
});

/** Both servers together published each seq once, and each of them in order. */
async function assertPublished(chatId: string) {
  const seqsOf = (messenger: TestMessenger) =>
    publishedTo(messenger, `chat:${chatId}`).map(({ seq }) => seq!);
  for (const seqs of [seqsOf(one), seqsOf(two)])
    assert.deepEqual(
      seqs,
      seqs.toSorted((a, b) => a - b),
    );
  const [row] = await rowsOf("SELECT last_seq FROM messenger.chats WHERE chat_id = $1", chatId);
  assert.deepEqual(
    [...seqsOf(one), ...seqsOf(two)].sort((a, b) => a - b),
    Array.from({ length: row.last_seq }, (_, index) => index + 1),
  );
}
