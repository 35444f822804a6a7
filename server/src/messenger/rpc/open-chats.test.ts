import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { toPublicError } from "#platform/errors.ts";
import { tags } from "#platform/stamps/stamps.ts";
import { createTestDatabase } from "#test/database.ts";
import { codeOf, createGroup, newUsers, publishedTo, send, startMessenger } from "#test/messenger-fixture.ts";
import { findViolations } from "#test/messenger-invariants.ts";

const { url, database } = await createTestDatabase();
const settings = { PARLEY_MAX_GROUP_MEMBERS: "6" };
const messenger = await startMessenger(url, settings);
const another = await startMessenger(url, settings);

async function openChat(ownerId: string, title = "Open"): Promise<string> {
  return (await messenger.internalAs(ownerId).createOpenChat({ title })).chat!.id;
}

const join = (userId: string, chatId: string, displayName = "A name") =>
  messenger.internalAs(userId).joinChat({ chatId, displayName });

async function namesIn(chatId: string, readerId: string): Promise<Record<string, string>> {
  const { members } = await messenger.as(readerId).listMembers({ chatId });
  return Object.fromEntries(members.map(({ userId, displayName }) => [userId, displayName]));
}

test("an open chat is a group of its creator's, who is told of it", async () => {
  const [anna] = newUsers(1) as [string];
  const { chat } = await messenger.internalAs(anna).createOpenChat({ title: "Open" });
  assert.deepEqual([chat!.kind, chat!.title, chat!.role, chat!.memberCount], ["group", "Open", "owner", 1]);
  const [event] = publishedTo(messenger, `user:${anna}`);
  assert.deepEqual([event!.kind, event!.chatId, event!.actorId], ["chat", chat!.id, anna]);
  const { chats } = await messenger.as(anna).listChats({});
  assert.deepEqual(chats, [chat]);
});

test("who knows the id of an open chat joins it, and sees its history as read", async () => {
  const [anna, bob] = newUsers(2) as [string, string];
  const chatId = await openChat(anna);
  await send(messenger, { userId: anna, chatId, text: "before you came" });
  await join(bob, chatId, "Bobby");
  const { chat } = await messenger.as(bob).getChat({ chatId });
  assert.deepEqual([chat!.role, chat!.memberCount, chat!.unread, chat!.lastSeq], ["member", 2, 0, 2]);
  const { messages } = await messenger.as(bob).listMessages({ chatId });
  assert.deepEqual(
    messages.map(({ text }) => text),
    ["before you came"],
  );
  for (const topic of [`chat:${chatId}`, `user:${bob}`]) {
    const { seq, kind, actorId, membership } = publishedTo(messenger, topic).at(-1)!;
    assert.deepEqual([seq, kind, actorId], [2, "membership", bob]);
    assert.deepEqual([membership!.change, membership!.userId, membership!.role], ["added", bob, "member"]);
  }
  assert.deepEqual(await namesIn(chatId, anna), { [anna]: "", [bob]: "Bobby" });
  assert.deepEqual(await findViolations(database), []);
});

test("a member of any chat gives themselves another name in it, which is no event", async () => {
  const [anna, bob] = newUsers(2) as [string, string];
  const { chat } = await messenger.as(anna).createChat({ kind: "direct", memberIds: [bob] });
  const open = await openChat(anna);
  for (const chatId of [chat!.id, open]) {
    await join(anna, chatId, "One");
    await join(anna, chatId, "Other");
    assert.equal((await namesIn(chatId, anna))[anna], "Other");
    assert.equal((await messenger.as(anna).getChat({ chatId })).chat!.lastSeq, 0);
    assert.deepEqual(publishedTo(messenger, `chat:${chatId}`), []);
  }
  assert.equal((await namesIn(chat!.id, bob))[bob], "", "nobody else's name is changed");
});

test("a name in a chat has something to see, and nothing that turns the text around it", async () => {
  const [anna] = newUsers(1) as [string];
  const chatId = await openChat(anna);
  for (const name of ["", "   ", "\u200b", "Bob\u202e", "a\nb", "x".repeat(101)]) {
    await assert.rejects(join(anna, chatId, name), (error) => toPublicError(error).code === "invalid-input");
  }
  await join(anna, chatId, "🦊");
  assert.deepEqual(await namesIn(chatId, anna), { [anna]: "🦊" });
});

test("kept answers about members are out of date after another name", async () => {
  const [anna, mallory] = newUsers(2) as [string, string];
  const chatId = await openChat(anna);
  const { id: closed } = await createGroup(messenger, [anna]);
  const stampOf = (id: string) => messenger.stamps.read([tags.members(id)]);
  const before = [await stampOf(chatId), await stampOf(closed)];
  await join(anna, chatId, "Other");
  await codeOf(join(mallory, closed));
  assert.notDeepEqual(await stampOf(chatId), before[0]);
  assert.deepEqual(await stampOf(closed), before[1], "a stranger changes nothing");
});

test("to strangers, a chat that is not open does not exist", async () => {
  const [anna, bob, mallory] = newUsers(3) as [string, string, string];
  const { id: group } = await createGroup(messenger, [anna, bob]);
  const { id: channel } = await createGroup(messenger, [anna, bob], "channel");
  const { chat } = await messenger.as(anna).createChat({ kind: "direct", memberIds: [bob] });
  for (const chatId of [group, channel, chat!.id, randomUUID()]) {
    assert.equal(await codeOf(join(mallory, chatId)), "chat-not-found");
  }
  assert.equal(await codeOf(join(mallory, "x")), "invalid-input");
  assert.equal((await messenger.as(anna).getChat({ chatId: group })).chat!.memberCount, 2);
});

test("names and titles that cannot be kept are refused", async () => {
  const [anna] = newUsers(1) as [string];
  const chatId = await openChat(anna);
  for (const name of ["", "x".repeat(101), "NUL \0", "lone \ud800"]) {
    assert.equal(await codeOf(join(anna, chatId, name)), "invalid-input", JSON.stringify(name));
  }
  assert.equal(await codeOf(join(anna, chatId, "😀".repeat(100))), "no error", "characters are counted");
  for (const title of ["", "x".repeat(201), "NUL \0"]) {
    assert.equal(await codeOf(openChat(anna, title)), "invalid-input", JSON.stringify(title));
  }
});

test("who left an open chat, or was removed from it, may join it again", async () => {
  const [anna, bob] = newUsers(2) as [string, string];
  const chatId = await openChat(anna);
  await join(bob, chatId, "Bobby");
  await messenger.as(anna).removeMember({ chatId, userId: bob });
  assert.equal(await codeOf(messenger.as(bob).getChat({ chatId })), "chat-not-found");
  await join(bob, chatId, "Robert");
  assert.equal((await namesIn(chatId, bob))[bob], "Robert");
  const { events } = await messenger.as(bob).listEvents({ chatId });
  assert.deepEqual(
    events.map(({ seq, membership }) => [seq, membership!.change]),
    [
      [1, "added"],
      [2, "removed"],
      [3, "added"],
    ],
  );
});

test("people who join at once, each more than once and by two servers, are numbered without a gap", async () => {
  const users = newUsers(9) as [string, ...string[]];
  const [anna, ...others] = users;
  const chatId = await openChat(anna);
  const joins = others.flatMap((userId) =>
    [messenger, another, messenger].map((server) => ({ userId, server })),
  );
  const outcomes = await Promise.all(
    joins.map(async ({ userId, server }) => {
      const code = await codeOf(server.internalAs(userId).joinChat({ chatId, displayName: userId }));
      return { userId, code };
    }),
  );
  const joined = [...new Set(outcomes.filter(({ code }) => code === "no error").map(({ userId }) => userId))];
  assert.equal(joined.length, 5, "as many as there was room for");
  for (const { userId, code } of outcomes) {
    assert.equal(code, joined.includes(userId) ? "no error" : "invalid-input");
  }
  const { events, lastSeq } = await messenger.as(anna).listEvents({ chatId });
  assert.deepEqual(
    events.map(({ seq }) => seq),
    [1, 2, 3, 4, 5],
  );
  assert.deepEqual(
    events.map(({ membership }) => membership!.userId).sort(),
    joined.toSorted(),
    "nobody joined twice",
  );
  assert.equal(lastSeq, 5);
  const names = await namesIn(chatId, anna);
  for (const userId of joined) assert.equal(names[userId], userId);
  assert.deepEqual(await findViolations(database), []);
});
