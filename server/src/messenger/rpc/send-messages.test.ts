import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { toPublicError } from "#platform/errors.ts";
import { createTestDatabase } from "#test/database.ts";
import { codeOf, createGroup, newUsers, publishedTo, send, startMessenger } from "#test/messenger-fixture.ts";
import { findViolations } from "#test/messenger-invariants.ts";

const { url, database } = await createTestDatabase();
const messenger = await startMessenger(url);

test("numbers messages from 1, and the sender gets what is stored", async () => {
  const [anna, bob] = newUsers(2) as [string, string];
  const { id: chatId } = await createGroup(messenger, [anna, bob]);
  const first = await send(messenger, { userId: anna, chatId, text: "one" });
  const second = await send(messenger, { userId: bob, chatId, text: "two" });
  assert.deepEqual([first.seq, first.no, second.seq, second.no], [1, 1, 2, 2]);
  const { messages } = await messenger.as(anna).listMessages({ chatId });
  assert.deepEqual(messages, [first, second]);
  assert.deepEqual(await findViolations(database), []);
});

test("a repeated send returns the original, stores and publishes nothing", async () => {
  const [anna] = newUsers(1) as [string];
  const { id: chatId } = await createGroup(messenger, [anna]);
  const client = messenger.as(anna);
  const original = (await client.sendMessage({ chatId, clientId: "c1", text: "first" })).message!;
  await send(messenger, { userId: anna, chatId });
  const repeated = (await client.sendMessage({ chatId, clientId: "c1", text: "another text" })).message!;
  assert.deepEqual(repeated, original);
  assert.equal((await client.listMessages({ chatId })).messages.length, 2);
  assert.equal(publishedTo(messenger, `chat:${chatId}`).length, 2);
});

test("a repetition in the same batch shares the outcome of the first", async () => {
  const [anna] = newUsers(1) as [string];
  const { id: chatId } = await createGroup(messenger, [anna]);
  const sends = ["a", "a", "b", "a", "b"].map((clientId, index) => ({
    senderId: anna,
    chatId,
    clientId,
    text: `text ${index}`,
    replyTo: "",
  }));
  const { outcomes } = await messenger.internal.sendMessages({ sends });
  assert.deepEqual(
    outcomes.map(({ message }) => message?.seq),
    [1, 1, 2, 1, 2],
  );
  assert.deepEqual(
    outcomes.map(({ message }) => message?.text),
    ["text 0", "text 0", "text 2", "text 0", "text 2"],
  );
});

test("a repetition in the same batch shares the refusal; sent again later it is tried for itself", async () => {
  const [anna] = newUsers(1) as [string];
  const { id: chatId } = await createGroup(messenger, [anna]);
  const { outcomes } = await messenger.internal.sendMessages({
    sends: [
      { senderId: anna, chatId, clientId: "x", text: "no such message to answer", replyTo: "A".repeat(27) },
      { senderId: anna, chatId, clientId: "x", text: "plain", replyTo: "" },
    ],
  });
  assert.equal(outcomes[0]!.errorCode, "message-not-found");
  assert.equal(outcomes[1]!.errorCode, "message-not-found");
  const again = { senderId: anna, chatId, clientId: "x", text: "plain", replyTo: "" };
  const later = await messenger.internal.sendMessages({ sends: [again] });
  assert.equal(later.outcomes[0]!.message?.text, "plain");
});

test("the same client id of another sender or in another chat is another message", async () => {
  const [anna, bob] = newUsers(2) as [string, string];
  const one = await createGroup(messenger, [anna, bob]);
  const two = await createGroup(messenger, [anna, bob]);
  const sends = [
    { senderId: anna, chatId: one.id },
    { senderId: bob, chatId: one.id },
    { senderId: anna, chatId: two.id },
  ].map((send) => ({ ...send, clientId: "same", text: "hi", replyTo: "" }));
  const { outcomes } = await messenger.internal.sendMessages({ sends });
  assert.equal(new Set(outcomes.map(({ message }) => message?.id)).size, 3);
});

test("every item of a batch succeeds or fails alone", async () => {
  const [anna, bob, mallory] = newUsers(3) as [string, string, string];
  const group = await createGroup(messenger, [anna, bob]);
  const channel = await createGroup(messenger, [anna, bob], "channel");
  const answered = await send(messenger, { userId: anna, chatId: group.id });
  const foreign = await send(messenger, { userId: anna, chatId: channel.id });
  const item = (fields: object) => ({
    senderId: anna,
    chatId: group.id,
    clientId: randomUUID(),
    text: "fine",
    replyTo: "",
    ...fields,
  });
  const cases = [
    [item({}), ""],
    [item({ senderId: mallory }), "chat-not-found"],
    [item({ chatId: randomUUID() }), "chat-not-found"],
    [item({ chatId: "not-a-uuid" }), "invalid-input"],
    [item({ senderId: "not-a-uuid" }), "invalid-input"],
    [item({ text: "NUL \0 inside" }), "invalid-input"],
    [item({ text: "lone \ud800 surrogate" }), "invalid-input"],
    [item({ clientId: "lone \udc00" }), "invalid-input"],
    [item({ clientId: "c".repeat(65) }), "invalid-input"],
    [item({ text: "" }), "invalid-input"],
    [item({ text: " \n\t " }), "invalid-input"],
    [item({ text: "ä".repeat(8_193) }), "invalid-input"],
    [item({ text: "ä".repeat(8_192) }), ""],
    [item({ text: "😀".repeat(4_096) }), ""],
    [item({ replyTo: answered.id }), ""],
    [item({ replyTo: foreign.id }), "message-not-found"],
    [item({ replyTo: "nonsense" }), "message-not-found"],
    [item({ replyTo: answered.id, senderId: mallory }), "chat-not-found"],
    [item({ chatId: channel.id, senderId: bob }), "forbidden"],
    [item({ chatId: channel.id }), ""],
    [item({ chatId: group.id.toUpperCase() }), ""],
    [item({}), ""],
  ] as const;
  const { outcomes } = await messenger.internal.sendMessages({ sends: cases.map(([send]) => send) });
  assert.deepEqual(
    outcomes.map(({ errorCode }) => errorCode),
    cases.map(([, expected]) => expected),
  );
  const seqs = outcomes
    .filter(({ message }) => message?.chatId === group.id)
    .map(({ message }) => message!.seq);
  assert.deepEqual(seqs, [2, 3, 4, 5, 6, 7]);
  assert.equal(outcomes[5]!.violations[0]?.field, "text");
  assert.equal(outcomes[14]!.message?.replyTo, answered.id);
  assert.deepEqual(await findViolations(database), []);
});

test("a public send says what is wrong with it", async () => {
  const [anna] = newUsers(1) as [string];
  const { id: chatId } = await createGroup(messenger, [anna]);
  const error = await messenger
    .as(anna)
    .sendMessage({ chatId, text: "x".repeat(16_385) })
    .then(() => assert.fail("it was accepted"), toPublicError);
  assert.equal(error.code, "invalid-input");
  assert.deepEqual(error.violations, [{ field: "text", message: "must be at most 16384 bytes of UTF-8" }]);
  assert.equal(await codeOf(messenger.as("nobody").sendMessage({ chatId, text: "x" })), "unauthenticated");
});

test("the server chooses a client id when the sender gives none", async () => {
  const [anna] = newUsers(1) as [string];
  const { id: chatId } = await createGroup(messenger, [anna]);
  const client = messenger.as(anna);
  const one = await client.sendMessage({ chatId, text: "hi" });
  const two = await client.sendMessage({ chatId, text: "hi" });
  assert.notEqual(one.message!.id, two.message!.id);
  assert.notEqual(one.message!.clientId, "");
});

test("publishes one bus message per chat and batch, in the order of seq", async () => {
  const [anna] = newUsers(1) as [string];
  const chats = [await createGroup(messenger, [anna]), await createGroup(messenger, [anna])];
  const before = messenger.published.length;
  const sends = Array.from({ length: 20 }, (_, index) => ({
    senderId: anna,
    chatId: chats[index % 2]!.id,
    clientId: randomUUID(),
    text: `text ${index}`,
    replyTo: "",
  }));
  const { outcomes } = await messenger.internal.sendMessages({ sends });
  const published = messenger.published.slice(before);
  assert.deepEqual(published.map(({ topic }) => topic).sort(), chats.map(({ id }) => `chat:${id}`).sort());
  for (const { events } of published) {
    assert.deepEqual(
      events.map(({ seq }) => seq),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
    for (const event of events) {
      assert.deepEqual(
        event.message,
        outcomes.find(({ message }) => message?.id === event.message?.id)?.message,
      );
    }
  }
});

test("a message's id belongs to its chat", async () => {
  const [anna] = newUsers(1) as [string];
  const one = await createGroup(messenger, [anna]);
  const two = await createGroup(messenger, [anna]);
  const message = await send(messenger, { userId: anna, chatId: one.id });
  await send(messenger, { userId: anna, chatId: two.id });
  const edit = messenger.as(anna).editMessage({ chatId: two.id, messageId: message.id, text: "no" });
  assert.equal(await codeOf(edit), "message-not-found");
});
