import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestDatabase } from "#test/database.ts";
import { codeOf, createGroup, newUsers, publishedTo, send, startMessenger } from "#test/messenger-fixture.ts";
import { findViolations } from "#test/messenger-invariants.ts";

const { url, database } = await createTestDatabase();
const messenger = await startMessenger(url);

test("edits one's own message", async () => {
  const [anna, bob] = newUsers(2) as [string, string];
  const { id: chatId } = await createGroup(messenger, [anna, bob]);
  const { id: messageId } = await send(messenger, { userId: bob, chatId, text: "helo" });
  const edit = (userId: string, text: string) =>
    messenger.as(userId).editMessage({ chatId, messageId, text });
  const { message } = await edit(bob, "hello");
  assert.deepEqual([message!.text, message!.seq, message!.no], ["hello", 1, 1]);
  assert.ok(message!.editedAt);
  assert.deepEqual((await edit(bob, "hello")).message, message, "the same text changes nothing");
  assert.equal(await codeOf(edit(anna, "by the owner")), "forbidden");
  assert.equal(await codeOf(edit(bob, " ")), "invalid-input");
  assert.equal(await codeOf(edit(bob, "x".repeat(16_385))), "invalid-input");
  const events = publishedTo(messenger, `chat:${chatId}`);
  assert.deepEqual(
    events.map(({ kind, seq }) => [kind, seq]),
    [
      ["message", 1],
      ["edit", 2],
    ],
  );
  assert.deepEqual(events[1]!.message, message);
  assert.deepEqual((await messenger.as(anna).listMessages({ chatId })).messages, [message]);
});

test("a deleted message keeps its place without its text, wherever it is shown", async () => {
  const [anna, bob] = newUsers(2) as [string, string];
  const { id: chatId } = await createGroup(messenger, [anna, bob]);
  const secret = await messenger.as(bob).sendMessage({ chatId, text: "secret", clientId: "s" });
  const messageId = secret.message!.id;
  const reply = await messenger.as(anna).sendMessage({ chatId, text: "a reply", replyTo: messageId });
  await messenger.as(anna).addReaction({ chatId, messageId, emoji: "👍" });
  await messenger.as(bob).deleteMessage({ chatId, messageId });
  await messenger.as(bob).deleteMessage({ chatId, messageId });
  const { messages } = await messenger.as(anna).listMessages({ chatId });
  assert.deepEqual([messages[0]!.text, messages[0]!.reactions, messages[1]!.replyTo], ["", [], messageId]);
  assert.ok(messages[0]!.deletedAt);
  assert.equal(reply.message!.replyTo, messageId);
  const { events, lastSeq } = await messenger.as(anna).listEvents({ chatId });
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ["message", "message", "reaction", "delete"],
  );
  assert.equal(lastSeq, 4, "deleting twice is one event");
  assert.ok(
    !JSON.stringify(events, (_, value) => (typeof value === "bigint" ? 0 : value)).includes("secret"),
  );
  const repeated = await messenger.as(bob).sendMessage({ chatId, text: "secret", clientId: "s" });
  assert.deepEqual([repeated.message!.id, repeated.message!.text], [messageId, ""]);
  for (const call of [
    messenger.as(bob).editMessage({ chatId, messageId, text: "back" }),
    messenger.as(anna).addReaction({ chatId, messageId, emoji: "👍" }),
  ]) {
    assert.equal(await codeOf(call), "message-not-found");
  }
  assert.deepEqual(await findViolations(database), []);
});

test("owner and admins delete any message, others only their own", async () => {
  const [anna, bob, carl] = newUsers(3) as [string, string, string];
  const { id: chatId } = await createGroup(messenger, [anna, bob, carl]);
  const { id: messageId } = await send(messenger, { userId: bob, chatId });
  assert.equal(await codeOf(messenger.as(carl).deleteMessage({ chatId, messageId })), "forbidden");
  assert.equal(await codeOf(messenger.as(anna).deleteMessage({ chatId, messageId })), "no error");
  const direct = await messenger.as(anna).createChat({ kind: "direct", memberIds: [bob] });
  const theirs = await send(messenger, { userId: bob, chatId: direct.chat!.id });
  const remove = messenger.as(anna).deleteMessage({ chatId: direct.chat!.id, messageId: theirs.id });
  assert.equal(await codeOf(remove), "forbidden");
});

test("in a channel only owner and admins write, while members read and react", async () => {
  const [anna, bob] = newUsers(2) as [string, string];
  const { id: chatId } = await createGroup(messenger, [anna, bob], "channel");
  const { id: messageId } = await send(messenger, { userId: anna, chatId });
  const asBob = messenger.as(bob);
  assert.equal(await codeOf(asBob.sendMessage({ chatId, text: "hi" })), "forbidden");
  assert.equal(await codeOf(asBob.addReaction({ chatId, messageId, emoji: "👍" })), "no error");
  assert.equal((await asBob.listMessages({ chatId })).messages.length, 1);
  await messenger.as(anna).updateMember({ chatId, userId: bob, role: "admin" });
  const written = await asBob.sendMessage({ chatId, text: "now I may", clientId: "b" });
  await messenger.as(anna).updateMember({ chatId, userId: bob, role: "member" });
  const edit = asBob.editMessage({ chatId, messageId: written.message!.id, text: "no more" });
  assert.equal(await codeOf(edit), "forbidden");
  const repeated = await asBob.sendMessage({ chatId, text: "now I may", clientId: "b" });
  assert.equal(repeated.message!.id, written.message!.id, "a repetition still gets the original");
});

test("reactions are counted per emoji, in the order of their first, with the reader's own marked", async () => {
  const [anna, bob] = newUsers(2) as [string, string];
  const { id: chatId } = await createGroup(messenger, [anna, bob]);
  const { id: messageId } = await send(messenger, { userId: anna, chatId });
  const react = (userId: string, emoji: string) =>
    messenger.as(userId).addReaction({ chatId, messageId, emoji });
  await react(bob, "👍");
  await react(bob, "👍");
  await react(anna, "❤️");
  await react(anna, "👍");
  const reactionsFor = async (userId: string) =>
    (await messenger.as(userId).listMessages({ chatId })).messages[0]!.reactions.map((reaction) => [
      reaction.emoji,
      reaction.count,
      reaction.mine,
    ]);
  assert.deepEqual(await reactionsFor(anna), [
    ["👍", 2, true],
    ["❤️", 1, true],
  ]);
  assert.deepEqual(await reactionsFor(bob), [
    ["👍", 2, true],
    ["❤️", 1, false],
  ]);
  await messenger.as(bob).removeReaction({ chatId, messageId, emoji: "👍" });
  await messenger.as(bob).removeReaction({ chatId, messageId, emoji: "👍" });
  assert.deepEqual(await reactionsFor(bob), [
    ["❤️", 1, false],
    ["👍", 1, false],
  ]);
  const events = publishedTo(messenger, `chat:${chatId}`).filter(({ kind }) => kind === "reaction");
  assert.deepEqual(
    events.map(({ seq, reaction }) => [seq, reaction!.emoji, reaction!.removed, reaction!.messageId]),
    [
      [2, "👍", false, messageId],
      [3, "❤️", false, messageId],
      [4, "👍", false, messageId],
      [5, "👍", true, messageId],
    ],
  );
  await messenger.as(anna).editMessage({ chatId, messageId, text: "edited" });
  const edit = publishedTo(messenger, `chat:${chatId}`).at(-1)!;
  assert.ok(
    edit.message!.reactions.every(({ mine }) => !mine),
    "one event for all says nobody's own",
  );
  assert.deepEqual(await findViolations(database), []);
});

test("refuses reactions that are none, and too many different ones", async () => {
  const [anna] = newUsers(1) as [string];
  const { id: chatId } = await createGroup(messenger, [anna]);
  const { id: messageId } = await send(messenger, { userId: anna, chatId });
  const react = (emoji: string, id = messageId) =>
    codeOf(messenger.as(anna).addReaction({ chatId, messageId: id, emoji }));
  for (const bad of ["", " ", "a b", "\0", "\ud83d", "x".repeat(33)])
    assert.equal(await react(bad), "invalid-input");
  for (const id of ["x", "A".repeat(27), `${messageId.slice(0, -1)}_`, "é".repeat(27)]) {
    assert.equal(await react("👍", id), "message-not-found");
  }
  for (let index = 0; index < 50; index++) assert.equal(await react(`e${index}`), "no error");
  assert.equal(await react("one-more"), "invalid-input");
  assert.equal(await react("e1"), "no error");
});
