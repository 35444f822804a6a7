/** The SDK's promises against the real server: nothing missed, nothing twice, nothing out of order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message, ParleyClient, SearchChange } from "@parley/client";
import fc from "fast-check";
import { createFlakySockets } from "#test/flaky-sockets.ts";
import { ampleSearchTime, startParley } from "#test/parley.ts";
import { newPerson } from "#test/people.ts";
import { until } from "#test/until.ts";

const parley = await startParley(ampleSearchTime);
const fast = { backoff: { minMs: 1, maxMs: 20 } };

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

async function pair(webSockets = createFlakySockets()) {
  const ada = await newPerson(parley.url, "Ada", { ...fast, webSocket: webSockets.open });
  const bob = await newPerson(parley.url, "Bob", { ...fast, webSocket: webSockets.open });
  await Promise.all([ada.client.connect(), bob.client.connect()]);
  const chat = await ada.client.createChat({ kind: "direct", memberIds: [bob.id] });
  await until("both know the chat", () =>
    [ada, bob].every(({ client }) => client.positions()[chat.id] === 0),
  );
  return { ada: ada.client, bob: bob.client, chatId: chat.id, webSockets };
}

/** What history says, from the first message to the last. */
async function history(client: ParleyClient, chatId: string): Promise<Message[]> {
  const messages: Message[] = [];
  for (let after = 0; ; ) {
    const page = await client.listMessages(chatId, { after, limit: 200 });
    messages.push(...page.messages);
    if (page.nextAfter === undefined) return messages;
    after = page.nextAfter;
  }
}

const trouble = fc.constantFrom("none", "none", "break-now", "lose-answer");

test("through random disconnects everything arrives once and in order, on both sides", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(trouble, { minLength: 1, maxLength: 40 }), async (troubles) => {
      const { ada, bob, chatId, webSockets } = await pair();
      const seen = { ada: [] as number[], bob: [] as number[] };
      const refetched: string[] = [];
      ada.on("event", ({ seq }) => seen.ada.push(seq));
      bob.on("event", ({ seq }) => seen.bob.push(seq));
      for (const client of [ada, bob]) client.on("refetch", ({ reason }) => refetched.push(reason));
      const lost = new Set(troubles.flatMap((kind, i) => (kind === "lose-answer" ? [`text ${i}"`] : [])));
      webSockets.breaksAt = (frame) => {
        if (!frame.includes('"result"')) return false;
        const hit = [...lost].find((text) => frame.includes(text));
        return hit !== undefined && lost.delete(hit);
      };
      const texts = troubles.map((_, i) => `text ${i}`);
      const sends = texts.map((text, i) => {
        const sent = ada.sendMessage(chatId, text);
        if (troubles[i] === "break-now") setTimeout(webSockets.breakAll, i % 7);
        return sent;
      });
      const stored = await Promise.all(sends);
      await until("both have seen all", () =>
        [seen.ada, seen.bob].every(({ length }) => length >= texts.length),
      );
      const messages = await history(bob, chatId);
      assert.deepEqual(
        messages.map(({ text }) => text),
        texts,
      );
      assert.deepEqual(
        stored.map(({ id }) => id),
        messages.map(({ id }) => id),
      );
      assert.deepEqual(seen, { ada: upTo(texts.length), bob: upTo(texts.length) });
      assert.deepEqual(refetched, []);
      ada.close();
      bob.close();
    }),
    { numRuns: 12 },
  );
});

test("who retries everything twice makes no duplicate, over any transport", async () => {
  const { ada, chatId } = await pair();
  const other = await newPerson(parley.url, "Eve");
  await assert.rejects(other.client.sendMessage(chatId, "not mine"), { code: "chat-not-found" });
  const texts = upTo(20).map((n) => `text ${n}`);
  const first = await Promise.all(texts.map((text) => ada.sendMessage(chatId, text, { clientId: text })));
  ada.disconnect();
  const second = await Promise.all(texts.map((text) => ada.sendMessage(chatId, text, { clientId: text })));
  assert.deepEqual(
    second.map(({ id, seq, no }) => ({ id, seq, no })),
    first.map(({ id, seq, no }) => ({ id, seq, no })),
  );
  assert.equal((await history(ada, chatId)).length, 20);
});

test("more is sent than the server's limits allow at once, and all of it arrives in order", async () => {
  const { ada, chatId } = await pair();
  const texts = upTo(700).map((n) => `text ${n}`);
  await Promise.all(texts.map((text) => ada.sendMessage(chatId, text)));
  assert.deepEqual(
    (await history(ada, chatId)).map(({ text }) => text),
    texts,
  );
});

test("a gap that is too long to be pushed is told, and what follows is delivered", async () => {
  const strict = await startParley({
    DATABASE_URL: parley.databaseUrl,
    PARLEY_SECRET_KEY: parley.environment.PARLEY_SECRET_KEY!,
    PARLEY_RESUME_MAX_EVENTS: "2",
  });
  const ada = await newPerson(strict.url, "Ada", fast);
  const bob = await newPerson(strict.url, "Bob", fast);
  const chat = await ada.client.createChat({ kind: "direct", memberIds: [bob.id] });
  await Promise.all([ada.client.connect(), bob.client.connect()]);
  const told: string[] = [];
  bob.client.on("refetch", ({ chatId, reason }) => told.push(`${chatId === chat.id} ${reason}`));
  bob.client.on("message", ({ text }) => told.push(text));
  await ada.client.sendMessage(chat.id, "1");
  await until("it arrived", () => told.length === 1);
  bob.client.disconnect();
  await Promise.all(["2", "3", "4"].map((text) => ada.client.sendMessage(chat.id, text)));
  await bob.client.connect();
  await ada.client.sendMessage(chat.id, "5");
  await until("the last arrived", () => told.at(-1) === "5");
  assert.deepEqual(told, ["1", "true not-recovered", "5"]);
});

test("edits, deletions, reactions, members and titles arrive as events; reading and typing besides", async () => {
  const { ada, bob, chatId } = await pair();
  const group = await ada.createChat({ kind: "group", title: "Circle", memberIds: [bob.user!.id] });
  const told: string[] = [];
  bob.on("edit", ({ text }) => told.push(`edit ${text}`));
  bob.on("delete", ({ deletedAt }) => told.push(`delete ${deletedAt !== undefined}`));
  bob.on("reaction", ({ emoji, removed }) => told.push(`reaction ${emoji} ${removed}`));
  bob.on("membership", ({ change, role }) => told.push(`membership ${change} ${role}`));
  bob.on("chat", ({ title }) => told.push(`chat ${title}`));
  bob.on("read", ({ userId, no }) => told.push(`read ${userId === ada.user!.id} ${no}`));
  bob.on("typing", ({ userId }) => told.push(`typing ${userId === ada.user!.id}`));
  const message = await ada.sendMessage(chatId, "text");
  await ada.editMessage(chatId, message.id, "other");
  await ada.addReaction(chatId, message.id, "👍");
  await ada.removeReaction(chatId, message.id, "👍");
  await ada.deleteMessage(chatId, message.id);
  await ada.updateChat(group.id, { title: "Square" });
  await ada.updateMember(group.id, bob.user!.id, "admin");
  assert.deepEqual(await ada.markRead(chatId, 1), { readNo: 1, unread: 0 });
  ada.sendTyping(chatId);
  ada.sendTyping(chatId);
  const ofChat = ["edit other", "reaction 👍 false", "reaction 👍 true", "delete true"];
  const ofGroup = ["chat Square", "membership role admin"];
  const besides = ["read true 1", "typing true"];
  const expected = [...ofChat, ...ofGroup, ...besides];
  await until("all was told", () => expected.every((line) => told.includes(line)));
  // The events of a chat come in their order; another chat, and what is no event, may overtake them.
  for (const lines of [ofChat, ofGroup, besides.slice(0, 1), besides.slice(1)])
    assert.deepEqual(
      told.filter((line) => lines.includes(line)),
      lines,
    );
  assert.deepEqual(told.filter((line) => line !== "chat Circle").toSorted(), expected.toSorted());
  await ada.removeMember(group.id, bob.user!.id);
  await until("the removal was told", () => told.at(-1) === "membership removed ");
  await assert.rejects(bob.getChat(group.id), { code: "chat-not-found" });
});

test("a session revoked from another device signs the client out", async () => {
  const { ada } = await pair();
  const [session] = (await ada.listSessions()).filter(({ current }) => current);
  await ada.revokeSession(session!.id!);
  await until("it is signed out", () => ada.state === "signed-out");
});

test("presence is told when it changes", async () => {
  const { ada, bob } = await pair();
  assert.deepEqual(await ada.watchPresence([bob.user!.id]), [{ userId: bob.user!.id, online: true }]);
});

test("everything that was written is found: the best at once, all of it by a task whose end is pushed", async () => {
  const { ada, bob, chatId } = await pair();
  for (const n of upTo(230)) await ada.sendMessage(chatId, `whale number ${n}`);
  const { hits, partial } = await bob.search("whales 230", { limit: 5 });
  assert.deepEqual([hits[0]?.message.text, partial], ["whale number 230", false]);
  assert.ok(hits[0]?.fragments[0]?.parts.some(({ text, match }) => match && text === "whale"));

  const pushed: SearchChange[] = [];
  bob.on("search", (change) => pushed.push(change));
  const { id } = await bob.searchTasks.create("whale");
  const task = await bob.searchTasks.wait(id);
  assert.deepEqual([task.status, task.resultCount, task.partial], ["done", 230, false]);
  await until("its end is told", () => pushed.length > 0);
  assert.deepEqual(pushed, [{ id, status: "done", resultCount: 230, partial: false }]);
  const found: string[] = [];
  for await (const { message } of bob.searchTasks.allResults(id)) found.push(message.text);
  assert.deepEqual(
    found,
    upTo(230)
      .map((n) => `whale number ${n}`)
      .reverse(),
  );
  await assert.rejects(ada.searchTasks.get(id), { code: "search-task-not-found" });
  await bob.searchTasks.delete(id);
  await assert.rejects(bob.searchTasks.get(id), { code: "search-task-not-found" });
});
