import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Chat } from "@parley/api/v2/event";
import { readDatabaseTime } from "#platform/database.ts";
import { createTestDatabase } from "#test/database.ts";
import { codeOf, createGroup, newUsers, publishedTo, send, startMessenger } from "#test/messenger-fixture.ts";
import { findViolations } from "#test/messenger-invariants.ts";
import { until } from "#test/until.ts";

const { url, database } = await createTestDatabase();
const messenger = await startMessenger(url, { PARLEY_MAX_GROUP_MEMBERS: "5" });

test("a direct chat exists once per pair, whoever asks", async () => {
  const [anna, bob] = newUsers(2) as [string, string];
  const one = await messenger.as(anna).createChat({ kind: "direct", memberIds: [bob] });
  const two = await messenger.as(bob).createChat({ kind: "direct", memberIds: [anna.toUpperCase()] });
  assert.equal(one.chat!.id, two.chat!.id);
  assert.deepEqual([one.chat!.peerId, two.chat!.peerId], [bob, anna]);
  assert.deepEqual([one.chat!.role, one.chat!.memberCount], ["member", 2]);
  assert.equal(publishedTo(messenger, `user:${anna}`).length, 1, "the second call created nothing");
});

test("refuses a direct chat that is not of two people", async () => {
  const [anna, bob, carl] = newUsers(3) as [string, string, string];
  const direct = (memberIds: string[], title = "") =>
    codeOf(messenger.as(anna).createChat({ kind: "direct", memberIds, title }));
  assert.equal(await direct([anna]), "invalid-input");
  assert.equal(await direct([]), "invalid-input");
  assert.equal(await direct([bob, carl]), "invalid-input");
  assert.equal(await direct([bob], "a title"), "invalid-input");
  assert.equal(await direct(["no-uuid"]), "invalid-input");
});

test("a new group has its creator as owner and is told to every member", async () => {
  const [anna, bob] = newUsers(2) as [string, string];
  const memberIds = [bob, bob.toUpperCase(), anna];
  const { chat } = await messenger.as(anna).createChat({ kind: "group", title: "Team", memberIds });
  assert.equal(chat!.memberCount, 2, "each person once, the creator included");
  assert.deepEqual([chat!.role, chat!.lastSeq, chat!.unread, chat!.lastMessage], ["owner", 0, 0, undefined]);
  for (const userId of [anna, bob]) {
    const [event] = publishedTo(messenger, `user:${userId}`);
    assert.deepEqual([event!.kind, event!.seq, event!.chatId], ["chat", undefined, chat!.id]);
    assert.deepEqual([event!.chat!.kind, event!.chat!.title, event!.actorId], ["group", "Team", anna]);
  }
  const asBob = await messenger.as(bob).getChat({ chatId: chat!.id });
  assert.deepEqual([asBob.chat!.role, asBob.chat!.peerId], ["member", ""]);
});

test("refuses chats that cannot be", async () => {
  const [anna] = newUsers(1) as [string];
  const create = (fields: { kind: string; title?: string; memberIds?: string[] }) =>
    codeOf(messenger.as(anna).createChat(fields));
  assert.equal(await create({ kind: "party" }), "invalid-input");
  assert.equal(await create({ kind: "group", title: "NUL \0" }), "invalid-input");
  assert.equal(await create({ kind: "group", title: "lone \udfff" }), "invalid-input");
  assert.equal(await create({ kind: "group", memberIds: newUsers(5) }), "invalid-input", "too many members");
  assert.equal(await create({ kind: "group", memberIds: newUsers(4) }), "no error");
});

test("to others than its members a chat does not exist", async () => {
  const [anna, bob, mallory] = newUsers(3) as [string, string, string];
  const { id: chatId } = await createGroup(messenger, [anna, bob]);
  const { id: messageId } = await send(messenger, { userId: anna, chatId });
  const client = messenger.as(mallory);
  const calls = {
    getChat: () => client.getChat({ chatId }),
    updateChat: () => client.updateChat({ chatId, title: "mine" }),
    listMembers: () => client.listMembers({ chatId }),
    addMembers: () => client.addMembers({ chatId, userIds: [mallory] }),
    updateMember: () => client.updateMember({ chatId, userId: mallory, role: "owner" }),
    removeMember: () => client.removeMember({ chatId, userId: mallory }),
    removeOther: () => client.removeMember({ chatId, userId: bob }),
    sendMessage: () => client.sendMessage({ chatId, text: "hi" }),
    listMessages: () => client.listMessages({ chatId }),
    listAfter: () => client.listMessages({ chatId, after: 0 }),
    editMessage: () => client.editMessage({ chatId, messageId, text: "hi" }),
    deleteMessage: () => client.deleteMessage({ chatId, messageId }),
    addReaction: () => client.addReaction({ chatId, messageId, emoji: "👍" }),
    removeReaction: () => client.removeReaction({ chatId, messageId, emoji: "👍" }),
    markRead: () => client.markRead({ chatId, no: 1 }),
    listEvents: () => client.listEvents({ chatId }),
  };
  for (const [name, call] of Object.entries(calls)) {
    assert.equal(await codeOf(call()), "chat-not-found", name);
  }
  assert.equal(await codeOf(client.getChat({ chatId: randomUUID() })), "chat-not-found");
  assert.equal(await codeOf(client.getChat({ chatId: "x" })), "invalid-input");
  assert.deepEqual(await findViolations(database), []);
});

test("the title is changed by owner and admins, and is an event of the chat", async () => {
  const [anna, bob, carl] = newUsers(3) as [string, string, string];
  const { id: chatId } = await createGroup(messenger, [anna, bob, carl]);
  await messenger.as(anna).updateMember({ chatId, userId: bob, role: "admin" });
  const { chat } = await messenger.as(bob).updateChat({ chatId, title: "New" });
  assert.deepEqual([chat!.title, chat!.lastSeq, chat!.role], ["New", 2, "admin"]);
  await messenger.as(anna).updateChat({ chatId, title: "New" });
  assert.equal(
    (await messenger.as(anna).getChat({ chatId })).chat!.lastSeq,
    2,
    "the same title changes nothing",
  );
  assert.equal(await codeOf(messenger.as(carl).updateChat({ chatId, title: "No" })), "forbidden");
  assert.equal(await codeOf(messenger.as(anna).updateChat({ chatId, title: "  " })), "invalid-input");
  const direct = await messenger.as(anna).createChat({ kind: "direct", memberIds: [bob] });
  const retitle = messenger.as(anna).updateChat({ chatId: direct.chat!.id, title: "No" });
  assert.equal(await codeOf(retitle), "forbidden");
  const event = publishedTo(messenger, `chat:${chatId}`).at(-1)!;
  assert.deepEqual([event.kind, event.seq, event.chat!.title, event.actorId], ["chat", 2, "New", bob]);
});

test("lists chats by their last activity, page by page", async () => {
  const [anna, bob] = newUsers(2) as [string, string];
  const created: Chat[] = [];
  for (let index = 0; index < 5; index++) created.push(await createGroup(messenger, [anna, bob]));
  const front = created[1]!.id;
  // Times are whole milliseconds; the next one is surely later than all that there are.
  const lastMs = Math.max(...created.map(({ createdAt }) => timestampMs(createdAt!)));
  await until("the clock has moved on", async () => (await readDatabaseTime(database)) >= lastMs + 1);
  await send(messenger, { userId: bob, chatId: front, text: "to the front" });
  const others = created.filter(({ id }) => id !== front).toSorted(laterFirst);
  const expected = [front, ...others.map(({ id }) => id)];
  const client = messenger.as(anna);
  const all = await client.listChats({});
  assert.deepEqual(
    all.chats.map(({ id }) => id),
    expected,
  );
  assert.equal(all.nextCursor, undefined);
  assert.deepEqual([all.chats[0]!.unread, all.chats[0]!.lastMessage!.text], [1, "to the front"]);
  const paged: string[] = [];
  let cursor: string | undefined = "";
  while (cursor !== undefined) {
    const page = await client.listChats({ limit: 2, cursor });
    paged.push(...page.chats.map(({ id }) => id));
    cursor = page.nextCursor;
  }
  assert.deepEqual(paged, expected);
  for (const bad of ["x", "AAAA", Buffer.alloc(24, 255).toString("base64url")]) {
    assert.equal(await codeOf(client.listChats({ cursor: bad })), "invalid-input");
  }
  assert.equal(await codeOf(client.listChats({ limit: 201 })), "invalid-input");
});

function laterFirst(one: Chat, other: Chat): number {
  const difference = timestampMs(other.createdAt!) - timestampMs(one.createdAt!);
  return difference || (one.id < other.id ? 1 : -1);
}

test("tells the gateway positions and acquaintances", async () => {
  const [anna, bob, carl, stranger] = newUsers(4) as [string, string, string, string];
  const one = await createGroup(messenger, [anna, bob]);
  const two = await createGroup(messenger, [carl, anna]);
  await createGroup(messenger, [bob, stranger]);
  await send(messenger, { userId: anna, chatId: two.id });
  const { positions } = await messenger.internal.listPositions({ userId: anna });
  const seqs = new Map(positions.map(({ chatId, lastSeq }) => [chatId, lastSeq]));
  assert.deepEqual([seqs.size, seqs.get(one.id), seqs.get(two.id)], [2, 0, 1]);
  const candidateIds = [bob, carl, stranger, randomUUID()];
  const { userIds } = await messenger.internal.filterAcquaintances({ userId: anna, candidateIds });
  assert.deepEqual(userIds.sort(), [bob, carl].sort());
  const tooMany = messenger.internal.filterAcquaintances({ userId: anna, candidateIds: newUsers(1_001) });
  assert.equal(await codeOf(tooMany), "invalid-input");
});
