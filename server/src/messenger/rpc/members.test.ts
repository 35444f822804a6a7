import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createTestDatabase } from "#test/database.ts";
import { codeOf, createGroup, newUsers, publishedTo, send, startMessenger } from "#test/messenger-fixture.ts";
import { findViolations } from "#test/messenger-invariants.ts";

const { url, database } = await createTestDatabase();
const messenger = await startMessenger(url, { PARLEY_MAX_GROUP_MEMBERS: "6" });

test("owner and admins add members, who see the history as read", async () => {
  const [anna, bob, carl, dora] = newUsers(4) as [string, string, string, string];
  const { id: chatId } = await createGroup(messenger, [anna, bob]);
  await send(messenger, { userId: anna, chatId, text: "before you came" });
  assert.equal(await codeOf(messenger.as(bob).addMembers({ chatId, userIds: [carl] })), "forbidden");
  await messenger.as(anna).addMembers({ chatId, userIds: [carl, bob, dora] });
  const { chat } = await messenger.as(carl).getChat({ chatId });
  assert.deepEqual([chat!.memberCount, chat!.unread, chat!.lastSeq], [4, 0, 3]);
  const { messages } = await messenger.as(carl).listMessages({ chatId });
  assert.equal(messages[0]!.text, "before you came");
  const told = publishedTo(messenger, `user:${carl}`);
  assert.deepEqual(
    told.map(({ kind, membership }) => [kind, membership!.change, membership!.userId, membership!.role]),
    [["membership", "added", carl, "member"]],
  );
  assert.equal(publishedTo(messenger, `user:${bob}`).filter(({ kind }) => kind === "membership").length, 0);
});

test("a chat has no more members than allowed", async () => {
  const [anna, ...others] = newUsers(7) as [string, ...string[]];
  const { id: chatId } = await createGroup(messenger, [anna]);
  const add = (userIds: string[]) => codeOf(messenger.as(anna).addMembers({ chatId, userIds }));
  assert.equal(await add(others), "invalid-input");
  assert.equal((await messenger.as(anna).getChat({ chatId })).chat!.memberCount, 1, "nobody was added");
  assert.equal(await add(others.slice(0, 5)), "no error");
});

test("the owner gives roles; a new owner makes the former an admin", async () => {
  const [anna, bob, carl] = newUsers(3) as [string, string, string];
  const { id: chatId } = await createGroup(messenger, [anna, bob, carl]);
  const give = (from: string, userId: string, role: string) =>
    codeOf(messenger.as(from).updateMember({ chatId, userId, role }));
  assert.equal(await give(bob, carl, "admin"), "forbidden");
  assert.equal(await give(anna, carl, "admin"), "no error");
  assert.equal(await give(carl, bob, "admin"), "forbidden");
  assert.equal(await give(anna, randomUUID(), "admin"), "member-not-found");
  assert.equal(await give(anna, bob, "boss"), "invalid-input");
  assert.equal(await give(anna, anna, "member"), "owner-required");
  assert.equal(await give(anna, anna, "owner"), "no error");
  assert.equal(await give(anna, bob, "owner"), "no error");
  const { members } = await messenger.as(anna).listMembers({ chatId });
  const roles = new Map(members.map(({ userId, role }) => [userId, role]));
  assert.deepEqual([roles.get(anna), roles.get(bob), roles.get(carl)], ["admin", "owner", "admin"]);
  const events = publishedTo(messenger, `chat:${chatId}`);
  assert.deepEqual(
    events.map(({ seq, membership }) => [seq, membership!.userId, membership!.change, membership!.role]),
    [
      [1, carl, "role", "admin"],
      [2, bob, "role", "owner"],
      [3, anna, "role", "admin"],
    ],
  );
});

test("who may remove whom", async () => {
  const [owner, admin, other, member] = newUsers(4) as [string, string, string, string];
  const { id: chatId } = await createGroup(messenger, [owner, admin, other, member]);
  for (const userId of [admin, other])
    await messenger.as(owner).updateMember({ chatId, userId, role: "admin" });
  const remove = (from: string, userId: string) =>
    codeOf(messenger.as(from).removeMember({ chatId, userId }));
  assert.equal(await remove(member, admin), "forbidden");
  assert.equal(await remove(member, randomUUID()), "forbidden");
  assert.equal(await remove(admin, owner), "forbidden");
  assert.equal(await remove(admin, other), "forbidden");
  assert.equal(await remove(admin, randomUUID()), "member-not-found");
  assert.equal(await remove(admin, member), "no error");
  assert.equal(await remove(owner, other), "no error");
  assert.equal(await codeOf(messenger.as(member).getChat({ chatId })), "chat-not-found");
  assert.equal(publishedTo(messenger, `user:${member}`).at(-1)!.membership!.change, "removed");
  assert.deepEqual(await findViolations(database), []);
});

test("an owner hands the chat over before leaving, and the last one just leaves", async () => {
  const [anna, bob] = newUsers(2) as [string, string];
  const { id: chatId } = await createGroup(messenger, [anna, bob]);
  const leave = (userId: string) => codeOf(messenger.as(userId).removeMember({ chatId, userId }));
  assert.equal(await leave(anna), "owner-required");
  await messenger.as(anna).updateMember({ chatId, userId: bob, role: "owner" });
  assert.equal(await leave(anna), "no error");
  assert.equal(await leave(anna), "chat-not-found");
  assert.equal(await leave(bob), "no error");
  assert.deepEqual(await findViolations(database), []);
});

test("the members of a direct chat are fixed", async () => {
  const [anna, bob, carl] = newUsers(3) as [string, string, string];
  const { chat } = await messenger.as(anna).createChat({ kind: "direct", memberIds: [bob] });
  const chatId = chat!.id;
  const client = messenger.as(anna);
  assert.equal(await codeOf(client.addMembers({ chatId, userIds: [carl] })), "forbidden");
  assert.equal(await codeOf(client.removeMember({ chatId, userId: bob })), "forbidden");
  assert.equal(await codeOf(client.removeMember({ chatId, userId: anna })), "forbidden");
  assert.equal(await codeOf(client.updateMember({ chatId, userId: bob, role: "admin" })), "forbidden");
});

test("lists members page by page", async () => {
  const users = newUsers(5);
  const { id: chatId } = await createGroup(messenger, users);
  const client = messenger.as(users[3]!);
  const listed: string[] = [];
  let cursor: string | undefined = "";
  while (cursor !== undefined) {
    const page = await client.listMembers({ chatId, limit: 2, cursor });
    listed.push(...page.members.map(({ userId }) => userId));
    cursor = page.nextCursor;
  }
  assert.deepEqual(listed, users.toSorted());
  assert.equal(await codeOf(client.listMembers({ chatId, cursor: "???" })), "invalid-input");
  assert.equal(await codeOf(client.listMembers({ chatId, limit: 1_001 })), "invalid-input");
});

test("the read position only rises, never past the last message, and unread follows from it", async () => {
  const [anna, bob] = newUsers(2) as [string, string];
  const { id: chatId } = await createGroup(messenger, [anna, bob]);
  for (let index = 0; index < 3; index++) await send(messenger, { userId: anna, chatId });
  const mark = async (no: number) => {
    const { readNo, unread } = await messenger.as(bob).markRead({ chatId, no });
    return [readNo, unread];
  };
  assert.deepEqual(await mark(2), [2, 1]);
  assert.deepEqual(await mark(1), [2, 1]);
  assert.deepEqual(await mark(4_294_967_295), [3, 0]);
  await send(messenger, { userId: anna, chatId });
  assert.deepEqual(await mark(3), [3, 1]);
  const told = publishedTo(messenger, `chat:${chatId}`).filter(({ kind }) => kind === "read");
  assert.deepEqual(
    told.map(({ seq, read }) => [seq, read!.userId, read!.no]),
    [
      [undefined, bob, 2],
      [undefined, bob, 3],
    ],
  );
  const { chat } = await messenger.as(bob).getChat({ chatId });
  assert.deepEqual([chat!.readNo, chat!.unread, chat!.lastNo], [3, 1, 4]);
});

test("read positions that are moved at the same time end at the highest", async () => {
  const [anna] = newUsers(1) as [string];
  const { id: chatId } = await createGroup(messenger, [anna]);
  for (let index = 0; index < 10; index++) await send(messenger, { userId: anna, chatId });
  const numbers = Array.from({ length: 30 }, (_, index) => (index * 7) % 11);
  const answers = await Promise.all(numbers.map((no) => messenger.as(anna).markRead({ chatId, no })));
  answers.forEach(({ readNo }, index) => {
    assert.ok(readNo >= numbers[index]!);
  });
  assert.equal((await messenger.as(anna).getChat({ chatId })).chat!.unread, 0);
});
