/** Who may say which language a chat is in, and what is said of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestDatabase } from "#test/database.ts";
import { codeOf, createGroup, newUsers, publishedTo, send, startMessenger } from "#test/messenger-fixture.ts";

const { url } = await createTestDatabase();
const messenger = await startMessenger(url);

test("a chat is created with a language, and says so to its members", async () => {
  const [anna, bob] = newUsers(2) as [string, string];
  const { chat } = await messenger
    .as(anna)
    .createChat({ kind: "group", title: "Team", memberIds: [bob], language: "de" });
  assert.equal(chat!.language, "de");
  assert.equal(publishedTo(messenger, `user:${bob}`)[0]!.chat!.language, "de");
  assert.equal((await messenger.as(bob).getChat({ chatId: chat!.id })).chat!.language, "de");
  assert.equal((await messenger.as(bob).listChats({})).chats[0]!.language, "de");
});

test("owner and admins choose it, in a direct chat both people; nothing else of the chat changes", async () => {
  const [anna, bob, carl] = newUsers(3) as [string, string, string];
  const { id: chatId } = await createGroup(messenger, [anna, bob, carl]);
  await messenger.as(anna).updateMember({ chatId, userId: bob, role: "admin" });
  const choose = (userId: string, language: string, id = chatId) =>
    messenger.as(userId).updateChat({ chatId: id, language });
  assert.equal(await codeOf(choose(carl, "ru")), "forbidden");
  const { chat } = await choose(bob, "ru");
  assert.deepEqual([chat!.language, chat!.title, chat!.memberCount], ["ru", "A chat", 3]);
  const last = publishedTo(messenger, `chat:${chatId}`).at(-1)!;
  assert.deepEqual([last.kind, last.chat!.language, last.chat!.title], ["chat", "ru", "A chat"]);
  const titled = await messenger.as(anna).updateChat({ chatId, title: "New" });
  assert.deepEqual([titled.chat!.language, titled.chat!.title], ["ru", "New"]);
  await send(messenger, { userId: anna, chatId });
  await messenger.as(anna).updateMember({ chatId, userId: bob, role: "member" });
  assert.equal((await messenger.as(anna).getChat({ chatId })).chat!.language, "ru");

  const direct = (await messenger.as(anna).createChat({ kind: "direct", memberIds: [bob] })).chat!;
  assert.equal((await choose(bob, "en", direct.id)).chat!.language, "en");
  assert.equal((await choose(anna, "", direct.id)).chat!.language, "");
  const mixed = messenger.as(anna).updateChat({ chatId: direct.id, title: "x", language: "fr" });
  assert.equal(await codeOf(mixed), "forbidden");
  assert.equal((await messenger.as(anna).getChat({ chatId: direct.id })).chat!.language, "");
});

test("history says it as it is now, and the same again changes nothing", async () => {
  const [anna] = newUsers(1) as [string];
  const { id: chatId } = await createGroup(messenger, [anna]);
  await messenger.as(anna).updateChat({ chatId, language: "fr" });
  const { chat } = await messenger.as(anna).updateChat({ chatId, language: "fr" });
  assert.equal(chat!.lastSeq, 1);
  await messenger.as(anna).updateChat({ chatId, language: "it" });
  const { events } = await messenger.as(anna).listEvents({ chatId });
  assert.deepEqual(
    events.map((event) => event.chat?.language),
    ["it", "it"],
  );
});

test("refuses what is no ISO 639-1 code, and strangers", async () => {
  const [anna, mallory] = newUsers(2) as [string, string];
  const { id: chatId } = await createGroup(messenger, [anna]);
  for (const language of ["DE", "d", "deu", "de-AT", "zz", " ", "e\0", "é"]) {
    assert.equal(
      await codeOf(messenger.as(anna).updateChat({ chatId, language })),
      "invalid-input",
      language,
    );
    const create = messenger.as(anna).createChat({ kind: "group", language });
    assert.equal(await codeOf(create), "invalid-input", language);
  }
  assert.equal(await codeOf(messenger.as(mallory).updateChat({ chatId, language: "de" })), "chat-not-found");
});
