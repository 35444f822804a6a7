/** Chats and messages by position, as the old APIs list them. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { createTestDatabase } from "#test/database.ts";
import { codeOf, createGroup, newUsers, send, startMessenger } from "#test/messenger-fixture.ts";

const { url } = await createTestDatabase();
const messenger = await startMessenger(url);

test("a page of chats stands where ListChats has it, with their members", async () => {
  const [anna, bob, carl] = newUsers(3) as [string, string, string];
  const created = [];
  for (let index = 0; index < 5; index++) created.push(await createGroup(messenger, [anna, bob]));
  await createGroup(messenger, [bob, carl]);
  await send(messenger, { userId: bob, chatId: created[1]!.id });
  const { chats: all } = await messenger.as(anna).listChats({});
  const page = (range: { limit?: number; offset?: number }) => messenger.internalAs(anna).listChatPage(range);
  const whole = await page({});
  assert.equal(whole.total, 5);
  assert.deepEqual(
    whole.chats.map(({ chat }) => chat),
    all,
  );
  for (const { memberIds } of whole.chats) assert.deepEqual(memberIds, [anna, bob].sort());
  const part = await page({ limit: 2, offset: 1 });
  assert.deepEqual([part.total, part.chats], [5, whole.chats.slice(1, 3)]);
  for (const offset of [5, 4_294_967_295]) {
    const beyond = await page({ offset });
    assert.deepEqual([beyond.total, beyond.chats], [5, []]);
  }
  const nobody = await messenger.internalAs(randomUUID()).listChatPage({});
  assert.deepEqual([nobody.total, nobody.chats], [0, []]);
  assert.equal(await codeOf(page({ limit: 201 })), "invalid-input");
});

test("of a large chat a page names the first hundred members", async () => {
  const users = newUsers(120);
  await createGroup(messenger, users);
  const { chats } = await messenger.internalAs(users[0]!).listChatPage({});
  assert.deepEqual(chats[0]!.memberIds, users.toSorted().slice(0, 100));
  assert.equal(chats[0]!.chat!.memberCount, 120);
});

/** A chat in which events of other kinds stand between the messages as given: true is a message. */
async function chatOf(ownerId: string, steps: readonly boolean[]): Promise<string> {
  const { id: chatId } = await createGroup(messenger, [ownerId]);
  for (const [index, isMessage] of steps.entries()) {
    if (isMessage) await send(messenger, { userId: ownerId, chatId, text: `text ${index}` });
    else await messenger.as(ownerId).updateChat({ chatId, title: `title ${index}` });
  }
  return chatId;
}

test("a page of messages is that part of the history, whatever stands between them", async () => {
  const [anna] = newUsers(1) as [string];
  const range = fc.record(
    {
      limit: fc.integer({ min: 1, max: 12 }),
      offset: fc.integer({ min: 0, max: 14 }),
      before: fc.integer({ min: 0, max: 16 }),
    },
    { requiredKeys: ["limit", "offset"] },
  );
  const steps = fc.array(fc.boolean(), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(steps, fc.array(range, { minLength: 5, maxLength: 10 }), async (made, ranges) => {
      const chatId = await chatOf(anna, made);
      const all = (await messenger.as(anna).listMessages({ chatId })).messages.toReversed();
      for (const { limit, offset, before = 1_000 } of ranges) {
        const page = await messenger.internalAs(anna).listMessagePage({ chatId, limit, offset, before });
        const older = all.filter(({ seq }) => seq < before).slice(offset);
        assert.deepEqual(page.messages, older.slice(0, limit));
        assert.equal(page.total, all.length);
        const hasMore = page.messages.length > 0 && older.length > limit;
        assert.equal(page.nextBefore, hasMore ? page.messages.at(-1)!.seq : undefined);
      }
    }),
    { numRuns: 12 },
  );
});

test("following nextBefore shows every message once, the newest first, however many come meanwhile", async () => {
  const [anna] = newUsers(1) as [string];
  const chatId = await chatOf(anna, [true, false, true, true, false, false, true, true]);
  const client = messenger.internalAs(anna);
  const seen: string[] = [];
  let before: number | undefined;
  do {
    const page = await client.listMessagePage({ chatId, limit: 2, ...(before ? { before } : {}) });
    seen.push(...page.messages.map(({ text }) => text));
    before = page.nextBefore;
    await send(messenger, { userId: anna, chatId, text: "later" });
  } while (before !== undefined);
  assert.deepEqual(seen, ["text 7", "text 6", "text 3", "text 2", "text 0"]);
});

test("deleted messages keep their place, and a page says who has read how far", async () => {
  const [anna, bob, carl] = newUsers(3) as [string, string, string];
  const { id: chatId } = await createGroup(messenger, [anna, bob, carl]);
  const sent = [];
  for (let index = 0; index < 4; index++) sent.push(await send(messenger, { userId: anna, chatId }));
  await messenger.as(anna).deleteMessage({ chatId, messageId: sent[1]!.id });
  await messenger.as(anna).markRead({ chatId, no: 4 });
  await messenger.as(bob).markRead({ chatId, no: 3 });
  await messenger.as(carl).markRead({ chatId, no: 1 });
  const page = await messenger.internalAs(anna).listMessagePage({ chatId });
  assert.equal(page.total, 4);
  assert.deepEqual(
    page.messages.map(({ no, text, deletedAt }) => [no, text, deletedAt !== undefined]),
    [
      [4, "hello", false],
      [3, "hello", false],
      [2, "", true],
      [1, "hello", false],
    ],
  );
  assert.deepEqual([page.readByCaller, page.readByOthers], [4, 1]);
  const asCarl = await messenger.internalAs(carl).listMessagePage({ chatId, offset: 9 });
  assert.deepEqual([asCarl.messages, asCarl.readByCaller, asCarl.readByOthers], [[], 1, 3]);
});

test("an empty chat of one has no messages, and nobody else has read them", async () => {
  const [anna] = newUsers(1) as [string];
  const { id: chatId } = await createGroup(messenger, [anna]);
  const page = await messenger.internalAs(anna).listMessagePage({ chatId, offset: 3, before: 7 });
  assert.deepEqual([page.total, page.messages, page.nextBefore], [0, [], undefined]);
  assert.deepEqual([page.readByCaller, page.readByOthers], [0, 0]);
});

test("pages of messages are for members, and of a bounded size", async () => {
  const [anna, mallory] = newUsers(2) as [string, string];
  const { id: chatId } = await createGroup(messenger, [anna]);
  await send(messenger, { userId: anna, chatId });
  const page = (userId: string, range: object) =>
    codeOf(messenger.internalAs(userId).listMessagePage({ chatId, ...range }));
  assert.equal(await page(mallory, {}), "chat-not-found");
  assert.equal(await page(anna, { chatId: randomUUID() }), "chat-not-found");
  assert.equal(await page(anna, { chatId: "x" }), "invalid-input");
  assert.equal(await page(anna, { limit: 1_001 }), "invalid-input");
  assert.equal(await page(anna, { limit: 1_000, offset: 4_294_967_295, before: 4_294_967_295 }), "no error");
});
