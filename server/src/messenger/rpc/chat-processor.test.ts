/** Who may choose what a chat's messages are processed by, and what is said of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fault } from "#platform/errors.ts";
import { createTestDatabase } from "#test/database.ts";
import { createFakeDispatch } from "#test/fake-dispatch.ts";
import { codeOf, createGroup, newUsers, publishedTo, startMessenger } from "#test/messenger-fixture.ts";
import { until } from "#test/until.ts";

const { url } = await createTestDatabase();
const dispatch = createFakeDispatch();
const messenger = await startMessenger(url, { PARLEY_CHAT_PROCESSING_POLL_MS: "20" }, dispatch);

test("a chat is created with a processor, and says so to its members", async () => {
  const [anna, bob] = newUsers(2) as [string, string];
  const { chat } = await messenger
    .as(anna)
    .createChat({ kind: "group", title: "Team", memberIds: [bob], processor: "shout" });
  assert.equal(chat!.processor, "shout");
  assert.equal(publishedTo(messenger, `user:${bob}`)[0]!.chat!.processor, "shout");
  assert.equal((await messenger.as(bob).getChat({ chatId: chat!.id })).chat!.processor, "shout");
  assert.equal((await messenger.as(bob).listChats({})).chats[0]!.processor, "shout");
});

test("owner and admins choose it, in a direct chat both people; titles stay as they are", async () => {
  const [anna, bob, carl] = newUsers(3) as [string, string, string];
  const { id: chatId } = await createGroup(messenger, [anna, bob, carl]);
  await messenger.as(anna).updateMember({ chatId, userId: bob, role: "admin" });
  const choose = (userId: string, processor: string, id = chatId) =>
    messenger.as(userId).updateChat({ chatId: id, processor });
  assert.equal(await codeOf(choose(carl, "shout")), "forbidden");
  const { chat } = await choose(bob, "shout");
  assert.deepEqual([chat!.processor, chat!.title], ["shout", "A chat"]);
  const last = publishedTo(messenger, `chat:${chatId}`).at(-1)!;
  assert.deepEqual([last.kind, last.chat!.processor, last.chat!.title], ["chat", "shout", "A chat"]);
  const titled = await messenger.as(anna).updateChat({ chatId, title: "New" });
  assert.deepEqual([titled.chat!.processor, titled.chat!.title], ["shout", "New"]);
  const both = await messenger.as(anna).updateChat({ chatId, title: "Newer", processor: "" });
  assert.deepEqual([both.chat!.processor, both.chat!.title, both.chat!.lastSeq], ["", "Newer", 4]);

  const direct = (await messenger.as(anna).createChat({ kind: "direct", memberIds: [bob] })).chat!;
  assert.equal((await choose(bob, "shout", direct.id)).chat!.processor, "shout");
  assert.equal((await choose(anna, "", direct.id)).chat!.processor, "");
  assert.equal(await codeOf(messenger.as(anna).updateChat({ chatId: direct.id, title: "x" })), "forbidden");
  const mixed = messenger.as(anna).updateChat({ chatId: direct.id, title: "x", processor: "shout" });
  assert.equal(await codeOf(mixed), "forbidden");
  const after = await messenger.as(anna).getChat({ chatId: direct.id });
  assert.equal(after.chat!.processor, "", "nothing of a refused change is kept");
});

test("refuses a processor that there is not, and a change of nothing", async () => {
  const [anna, mallory] = newUsers(2) as [string, string];
  const { id: chatId } = await createGroup(messenger, [anna]);
  const client = messenger.as(anna);
  assert.equal(await codeOf(client.updateChat({ chatId, processor: "none such" })), "processor-not-found");
  assert.equal(
    await codeOf(client.createChat({ kind: "group", processor: "none such" })),
    "processor-not-found",
  );
  assert.equal(await codeOf(client.updateChat({ chatId })), "invalid-input");
  assert.equal(
    await codeOf(messenger.as(mallory).updateChat({ chatId, processor: "none such" })),
    "chat-not-found",
  );
});

test("the same again changes nothing but who is charged, with the rights that they have now", async () => {
  const [anna, bob] = newUsers(2) as [string, string];
  const { id: chatId } = await createGroup(messenger, [anna, bob]);
  await messenger.as(anna).updateChat({ chatId, processor: "shout" });
  const { chat } = await messenger.as(anna, ["paid", "other"]).updateChat({ chatId, processor: "shout" });
  assert.equal(chat!.lastSeq, 1);
  const { message } = await messenger.as(bob).sendMessage({ chatId, text: "hi" });
  const call = () => dispatch.calls.find(({ idempotencyKey }) => idempotencyKey.startsWith(message!.id));
  await until("it is asked for", () => call() !== undefined);
  assert.deepEqual([call()!.userId, call()!.mayUsePaid], [anna, true]);
});

test("while dispatch is away no processor can be chosen, and everything else works", async () => {
  const away = createFakeDispatch();
  away.listError = fault("circuit-open");
  const other = await startMessenger(url, {}, away);
  const [anna] = newUsers(1) as [string];
  const { id: chatId } = await createGroup(other, [anna]);
  assert.equal(await codeOf(other.as(anna).updateChat({ chatId, processor: "shout" })), "unavailable");
  assert.equal(await codeOf(other.as(anna).updateChat({ chatId, processor: "" })), "no error");
  assert.equal(await codeOf(other.as(anna).updateChat({ chatId, title: "New" })), "no error");
  away.listError = undefined;
  assert.equal(await codeOf(other.as(anna).updateChat({ chatId, processor: "shout" })), "no error");
  const calls = away.listCalls;
  assert.equal(await codeOf(other.as(anna).updateChat({ chatId, processor: "default" })), "no error");
  assert.equal(away.listCalls, calls, "the list is kept for a moment");
});

test("without dispatch no processor can be chosen", async () => {
  const alone = await startMessenger(url);
  const [anna] = newUsers(1) as [string];
  assert.equal(await codeOf(alone.as(anna).createChat({ kind: "group", processor: "shout" })), "unavailable");
});
