import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event } from "@parley/api/v2/event";
import fc from "fast-check";
import { createTestDatabase } from "#test/database.ts";
import { codeOf, createGroup, newUsers, publishedTo, send, startMessenger } from "#test/messenger-fixture.ts";

const { url } = await createTestDatabase();
const messenger = await startMessenger(url);

/** A chat whose messages have the seqs 1, 3, 5, 7, 9: after each comes an edit of it. */
async function chatWithEdits() {
  const [anna] = newUsers(1) as [string];
  const { id: chatId } = await createGroup(messenger, [anna]);
  for (let index = 0; index < 5; index++) {
    const { id: messageId } = await send(messenger, { userId: anna, chatId });
    await messenger.as(anna).editMessage({ chatId, messageId, text: `edited ${index}` });
  }
  return { anna, chatId, client: messenger.as(anna) };
}

test("pages of history say exactly whether there is more on either side", async () => {
  const { client, chatId } = await chatWithEdits();
  const page = async (range: { before?: number; after?: number; limit?: number }) => {
    const { messages, nextBefore, nextAfter } = await client.listMessages({ chatId, ...range });
    return [messages.map(({ seq }) => seq), nextBefore, nextAfter];
  };
  assert.deepEqual(await page({}), [[1, 3, 5, 7, 9], undefined, undefined]);
  assert.deepEqual(await page({ limit: 2 }), [[7, 9], 7, undefined]);
  assert.deepEqual(await page({ limit: 2, before: 7 }), [[3, 5], 3, 5]);
  assert.deepEqual(await page({ limit: 2, before: 3 }), [[1], undefined, 1]);
  assert.deepEqual(await page({ before: 1 }), [[], undefined, 0]);
  assert.deepEqual(await page({ before: 0 }), [[], undefined, 0]);
  assert.deepEqual(await page({ limit: 2, after: 0 }), [[1, 3], undefined, 3]);
  assert.deepEqual(await page({ limit: 2, after: 4 }), [[5, 7], 5, 7]);
  assert.deepEqual(await page({ limit: 2, after: 6 }), [[7, 9], 7, undefined]);
  assert.deepEqual(await page({ after: 9 }), [[], 10, undefined]);
  assert.deepEqual(await page({ before: 4_294_967_295, limit: 1 }), [[9], 9, undefined]);
  assert.deepEqual((await page({ after: 4_294_967_295 }))[0], []);
  assert.equal(await codeOf(client.listMessages({ chatId, limit: 201 })), "invalid-input");
  assert.equal(await codeOf(client.listMessages({ chatId, before: 1, after: 1 })), "invalid-input");
});

test("an empty chat has no pages on either side", async () => {
  const [anna] = newUsers(1) as [string];
  const { id: chatId } = await createGroup(messenger, [anna]);
  for (const range of [{}, { before: 5 }, { after: 0 }]) {
    const page = await messenger.as(anna).listMessages({ chatId, ...range });
    assert.deepEqual([page.messages, page.nextBefore, page.nextAfter], [[], undefined, undefined]);
  }
});

test("following the cursors either way shows every message once", async () => {
  const { client, chatId } = await chatWithEdits();
  const all = (await client.listMessages({ chatId })).messages.map(({ seq }) => seq);
  const walk = fc.record({ limit: fc.integer({ min: 1, max: 4 }), isForward: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(walk, async ({ limit, isForward }) => {
      const seen: number[] = [];
      let range: { before?: number; after?: number } = isForward ? { after: 0 } : {};
      for (;;) {
        const page = await client.listMessages({ chatId, limit, ...range });
        const seqs = page.messages.map(({ seq }) => seq);
        if (isForward) seen.push(...seqs);
        else seen.unshift(...seqs);
        const next = isForward ? page.nextAfter : page.nextBefore;
        if (next === undefined) break;
        range = isForward ? { after: next } : { before: next };
      }
      assert.deepEqual(seen, all);
    }),
    { numRuns: 12 },
  );
});

test("the event log is what was published, whole and in order, from any seq", async () => {
  const [anna, bob, carl] = newUsers(3) as [string, string, string];
  const { id: chatId } = await createGroup(messenger, [anna, bob]);
  const client = messenger.as(anna);
  const { id: messageId } = await send(messenger, { userId: anna, chatId });
  await send(messenger, { userId: bob, chatId });
  await client.addReaction({ chatId, messageId, emoji: "👍" });
  await client.addMembers({ chatId, userIds: [carl] });
  await client.updateMember({ chatId, userId: carl, role: "admin" });
  await client.updateChat({ chatId, title: "Renamed" });
  await client.removeMember({ chatId, userId: carl });
  await messenger.as(bob).markRead({ chatId, no: 2 });
  await send(messenger, { userId: bob, chatId });
  const { events, lastSeq } = await client.listEvents({ chatId });
  const published = publishedTo(messenger, `chat:${chatId}`).filter(({ seq }) => seq !== undefined);
  // A message is shown as it is now: one has got its reaction since it was published.
  const withoutReactions = (list: Event[]) =>
    list.map((event) => (event.message ? { ...event, message: { ...event.message, reactions: [] } } : event));
  assert.deepEqual(withoutReactions(events), withoutReactions(published));
  assert.equal(lastSeq, 8);
  for (const after of [0, 3, 7, 8, 9, 4_294_967_295]) {
    for (const limit of [1, 3, 1_000]) {
      const page = await client.listEvents({ chatId, after, limit });
      assert.deepEqual(page.events, events.slice(after, after + limit));
      assert.equal(page.lastSeq, 8);
    }
  }
  assert.equal(await codeOf(client.listEvents({ chatId, limit: 1_001 })), "invalid-input");
});
