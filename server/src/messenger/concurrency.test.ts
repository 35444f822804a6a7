/** The invariants with two servers that write to the same chats at once. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { SendOutcome } from "@parley/api/internal/messenger";
import fc from "fast-check";
import { createTestDatabase } from "#test/database.ts";
import {
  codeOf,
  createGroup,
  newUsers,
  publishedTo,
  startMessenger,
  type TestMessenger,
} from "#test/messenger-fixture.ts";
import { findViolations } from "#test/messenger-invariants.ts";

const { url, database } = await createTestDatabase();
const one = await startMessenger(url);
const two = await startMessenger(url, { PARLEY_SEND_BATCHES_IN_FLIGHT: "3", PARLEY_SEND_BATCH_MAX: "7" });

const sendOf = (senderId: string, chatId: string, clientId = randomUUID()) => ({
  senderId,
  chatId,
  clientId,
  text: `from ${senderId}`,
  replyTo: "",
});

test("two servers number one chat without gap or overlap", async () => {
  const users = newUsers(4);
  const { id: chatId } = await createGroup(one, users);
  const write = async (messenger: TestMessenger) => {
    const outcomes: SendOutcome[] = [];
    for (let round = 0; round < 15; round++) {
      const sends = Array.from({ length: 20 }, (_, index) => sendOf(users[index % 4]!, chatId));
      outcomes.push(...(await messenger.internal.sendMessages({ sends })).outcomes);
    }
    return outcomes;
  };
  const outcomes = (await Promise.all([write(one), write(two), write(one), write(two)])).flat();
  const seqs = outcomes.map(({ message }) => message!.seq).sort((a, b) => a - b);
  assert.deepEqual(
    seqs,
    Array.from({ length: 1_200 }, (_, index) => index + 1),
  );
  assert.deepEqual(await findViolations(database), []);
});

test("batches over the same chats in any order do not wait for each other for ever", async () => {
  const users = newUsers(1);
  const chats = await Promise.all(Array.from({ length: 12 }, () => createGroup(one, users)));
  const started = performance.now();
  await Promise.all(
    [one, two, one, two].map(async (messenger, writer) => {
      for (let round = 0; round < 10; round++) {
        const order = writer % 2 === 0 ? chats : chats.toReversed();
        const sends = order.map(({ id }) => sendOf(users[0]!, id));
        const { outcomes } = await messenger.internal.sendMessages({ sends });
        assert.ok(outcomes.every(({ errorCode }) => errorCode === ""));
      }
    }),
  );
  // A deadlock would show as a pause of a second or more (deadlock_timeout), or as a failed item.
  const { rows } = await database.withClient((client) =>
    client.query("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"),
  );
  assert.equal(Number(rows[0].deadlocks), 0, `after ${performance.now() - started} ms`);
  assert.deepEqual(await findViolations(database), []);
});

test("the same send through both servers at once is stored once", async () => {
  const [anna] = newUsers(1) as [string];
  const { id: chatId } = await createGroup(one, [anna]);
  for (let round = 0; round < 20; round++) {
    const sends = [randomUUID(), randomUUID()].map((clientId) => sendOf(anna, chatId, clientId));
    const answers = await Promise.all(
      [one, two, two, one].map((messenger) => messenger.internal.sendMessages({ sends })),
    );
    for (const { outcomes } of answers) assert.deepEqual(outcomes, answers[0]!.outcomes);
  }
  const { messages } = await one.as(anna).listMessages({ chatId, limit: 200 });
  assert.equal(messages.length, 40);
  const told = [one, two].flatMap((messenger) => publishedTo(messenger, `chat:${chatId}`));
  assert.deepEqual(
    told.map(({ seq }) => seq!).sort((a, b) => a - b),
    Array.from({ length: 40 }, (_, index) => index + 1),
    "each message is published once, by the server that stored it",
  );
});

test("nothing of a removed member is stored after the removal", async () => {
  const [owner, leaver] = newUsers(2) as [string, string];
  for (let round = 0; round < 8; round++) {
    const { id: chatId } = await createGroup(one, [owner, leaver]);
    let isRemoved = false;
    const write = async (messenger: TestMessenger) => {
      while (!isRemoved) await messenger.internal.sendMessages({ sends: [sendOf(leaver, chatId)] });
    };
    const writers = [write(one), write(two)];
    await two.as(owner).removeMember({ chatId, userId: leaver });
    isRemoved = true;
    await Promise.all(writers);
    const { outcomes } = await one.internal.sendMessages({ sends: [sendOf(leaver, chatId)] });
    assert.equal(outcomes[0]!.errorCode, "chat-not-found");
    const { events, lastSeq } = await one.as(owner).listEvents({ chatId, limit: 1_000 });
    assert.equal(events.at(-1)!.kind, "membership", "the removal is the last event");
    assert.equal(events.length, lastSeq);
  }
  assert.deepEqual(await findViolations(database), []);
});

test("a direct chat begun by both at once is one chat", async () => {
  const [anna, bob] = newUsers(2) as [string, string];
  const begin = (messenger: TestMessenger, from: string, to: string) =>
    messenger.as(from).createChat({ kind: "direct", memberIds: [to] });
  const answers = await Promise.all([
    begin(one, anna, bob),
    begin(two, bob, anna),
    begin(two, anna, bob),
    begin(one, bob, anna),
  ]);
  assert.equal(new Set(answers.map(({ chat }) => chat!.id)).size, 1);
  const told = [one, two].flatMap((messenger) => publishedTo(messenger, `user:${anna}`));
  assert.equal(told.length, 1, "told once");
});

test("whatever happens to a chat on two servers, log, counts and what was published agree", async () => {
  const action = fc.record({
    server: fc.integer({ min: 0, max: 1 }),
    user: fc.integer({ min: 0, max: 3 }),
    target: fc.integer({ min: 0, max: 3 }),
    kind: fc.constantFrom(
      "send",
      "send",
      "edit",
      "delete",
      "react",
      "unreact",
      "add",
      "join",
      "remove",
      "role",
      "title",
    ),
    choice: fc.integer({ min: 0, max: 5 }),
  });
  const run = async (actions: Array<typeof action extends fc.Arbitrary<infer A> ? A : never>) => {
    const users = newUsers(4);
    const { chat } = await one.internalAs(users[0]!).createOpenChat({ title: "Open" });
    const chatId = chat!.id;
    await one.as(users[0]!).addMembers({ chatId, userIds: users });
    const first = await one.as(users[0]!).sendMessage({ chatId, text: "first", clientId: "first" });
    const messageId = first.message!.id;
    const allowed = new Set(["no error", "forbidden", "chat-not-found", "member-not-found"]);
    for (const code of ["message-not-found", "owner-required"]) allowed.add(code);
    const perform = (step: (typeof actions)[number]) => {
      const server = step.server === 0 ? one : two;
      const client = server.as(users[step.user]!);
      const displayName = `name ${step.choice}`;
      const userId = users[step.target]!;
      const emoji = ["👍", "❤️", "🎉"][step.choice % 3]!;
      const calls = {
        send: () =>
          client.sendMessage({ chatId, text: "text", clientId: `c${step.choice}`, replyTo: messageId }),
        edit: () => client.editMessage({ chatId, messageId, text: `edited ${step.choice}` }),
        delete: () => client.deleteMessage({ chatId, messageId }),
        react: () => client.addReaction({ chatId, messageId, emoji }),
        unreact: () => client.removeReaction({ chatId, messageId, emoji }),
        add: () => client.addMembers({ chatId, userIds: [userId] }),
        join: () => server.internalAs(users[step.user]!).joinChat({ chatId, displayName }),
        remove: () => client.removeMember({ chatId, userId }),
        role: () =>
          client.updateMember({ chatId, userId, role: ["owner", "admin", "member"][step.choice % 3]! }),
        title: () => client.updateChat({ chatId, title: `title ${step.choice}` }),
      };
      return codeOf(calls[step.kind]());
    };
    const codes = await Promise.all(actions.map(perform));
    for (const code of codes) assert.ok(allowed.has(code), code);
    assert.deepEqual(await findViolations(database), []);
    await assertLogIsPublished(chatId);
  };
  await fc.assert(fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 25 }), run), { numRuns: 15 });
});

/** Both servers together published each seq once, and each of them in order. */
async function assertLogIsPublished(chatId: string) {
  const seqsOf = (messenger: TestMessenger) =>
    publishedTo(messenger, `chat:${chatId}`).map(({ seq }) => seq!);
  const [ofOne, ofTwo] = [seqsOf(one), seqsOf(two)];
  for (const seqs of [ofOne, ofTwo])
    assert.deepEqual(
      seqs,
      seqs.toSorted((a, b) => a - b),
    );
  const [row] = await database.query<{ last_seq: number }>(
    { name: "test.last-seq", text: "SELECT last_seq FROM messenger.chats WHERE chat_id = $1" },
    [chatId],
  );
  assert.deepEqual(
    [...ofOne, ...ofTwo].sort((a, b) => a - b),
    Array.from({ length: row!.last_seq }, (_, index) => index + 1),
  );
}
