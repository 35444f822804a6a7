/** What becomes of the messages of a chat with a processor, on a real database and a dispatch that does as told. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { Event } from "@parley/api/v2/event";
import { fault } from "#platform/errors.ts";
import { createTestDatabase } from "#test/database.ts";
import { createFakeDispatch, type FakeDispatch } from "#test/fake-dispatch.ts";
import {
  createGroup,
  newUsers,
  publishedTo,
  startMessenger,
  type TestMessenger,
} from "#test/messenger-fixture.ts";
import { findViolations } from "#test/messenger-invariants.ts";
import { until } from "#test/until.ts";

const { url, database } = await createTestDatabase();
// A lease that no test is slow enough to see the end of: a text whose lease has ended is asked for once more.
const settings = { PARLEY_CHAT_PROCESSING_POLL_MS: "20", PARLEY_CHAT_PROCESSING_LEASE_MS: "600000" };

/** With a database's rows to itself: another's worker would take them. */
async function startOne(t: { after(work: () => Promise<void>): void }, more: Record<string, string> = {}) {
  const dispatch = createFakeDispatch();
  const messenger = await startMessenger(url, { ...settings, ...more }, dispatch);
  t.after(() => messenger.stop());
  const [anna, bob] = newUsers(2) as [string, string];
  const { id: chatId } = await createGroup(messenger, [anna, bob]);
  await messenger.as(anna).updateChat({ chatId, processor: "shout" });
  const send = async (text: string) =>
    (await messenger.as(bob).sendMessage({ chatId, text, clientId: randomUUID() })).message!;
  return { dispatch, messenger, anna, bob, chatId, send };
}

const processedOf = (messenger: TestMessenger, chatId: string): Event[] =>
  publishedTo(messenger, `chat:${chatId}`).filter(({ kind }) => kind === "processed");

const waiting = async (chatId: string) => {
  const statement = {
    name: "test.waiting",
    text: "SELECT count(*)::int AS count FROM messenger.processing WHERE chat_id = $1",
  };
  return (await database.query<{ count: number }>(statement, [chatId]))[0]!.count;
};

const allDone = (chatId: string) => until("all is processed", async () => (await waiting(chatId)) === 0);

/** Answers when told to. */
function hold(dispatch: FakeDispatch) {
  const gate = Promise.withResolvers<void>();
  const { answer } = dispatch;
  dispatch.answer = async (request, signal) => {
    await gate.promise;
    return answer(request, signal);
  };
  return () => {
    dispatch.answer = answer;
    gate.resolve();
  };
}

test("what was made of a message comes with it everywhere, and is told by an event", async (t) => {
  const { dispatch, messenger, anna, bob, chatId, send } = await startOne(t);
  const sent = await send("hello");
  assert.equal(sent.processed, undefined, "the send does not wait for it");
  await until("it is told", () => processedOf(messenger, chatId).length === 1);
  const [event] = processedOf(messenger, chatId);
  const { processed } = event!.message!;
  assert.deepEqual(
    [processed!.result, processed!.processor, processed!.provider],
    ["HELLO", "shout", "free"],
  );
  assert.ok(processed!.at);
  assert.deepEqual([event!.seq, event!.actorId, event!.message!.text], [sent.seq + 1, anna, "hello"]);
  const { messages } = await messenger.as(bob).listMessages({ chatId });
  assert.deepEqual(messages.at(-1)!.processed, processed);
  const { events } = await messenger.as(bob).listEvents({ chatId });
  assert.deepEqual(
    events.map(({ kind, seq }) => [kind, seq]),
    [
      ["chat", 1],
      ["message", 2],
      ["processed", 3],
    ],
  );
  assert.deepEqual(events[2], event);
  assert.deepEqual((await messenger.as(bob).getChat({ chatId })).chat!.lastMessage!.processed, processed);
  const [call] = dispatch.calls;
  assert.equal(call!.idempotencyKey, `${sent.id}:${sent.seq}`);
  assert.deepEqual([call!.userId, call!.mayUsePaid], [anna, false], "who chose the processor is charged");
  assert.deepEqual(await findViolations(database), []);
});

test("a chat without a processor asks dispatch for nothing", async (t) => {
  const { dispatch, messenger, anna, bob, chatId, send } = await startOne(t);
  await messenger.as(anna).updateChat({ chatId, processor: "" });
  const { id: messageId } = await send("hello");
  await messenger.as(bob).editMessage({ chatId, messageId, text: "hello again" });
  assert.equal(await waiting(chatId), 0);
  assert.equal(dispatch.calls.length, 0);
});

test("texts that wait are processed as the chat had it, also when it names another processor by then", async (t) => {
  const { dispatch, messenger, anna, chatId, send } = await startOne(t);
  const letGo = hold(dispatch);
  await send("before");
  await messenger.as(anna).updateChat({ chatId, processor: "" });
  await send("after");
  letGo();
  await allDone(chatId);
  const { messages } = await messenger.as(anna).listMessages({ chatId });
  assert.deepEqual(
    messages.map(({ text, processed }) => [text, processed?.processor]),
    [
      ["before", "shout"],
      ["after", undefined],
    ],
  );
});

test("an edit clears what was made of the former text, and its own text is processed", async (t) => {
  const { messenger, bob, chatId, send } = await startOne(t);
  const { id: messageId } = await send("one");
  await allDone(chatId);
  const { message } = await messenger.as(bob).editMessage({ chatId, messageId, text: "two" });
  assert.equal(message!.processed, undefined);
  await until("the edit is processed", () => processedOf(messenger, chatId).length === 2);
  const { messages } = await messenger.as(bob).listMessages({ chatId });
  assert.equal(messages[0]!.processed!.result, "TWO");
  assert.deepEqual(await findViolations(database), []);
});

test("a result that comes after an edit is not attached to the new text", async (t) => {
  const { dispatch, messenger, bob, chatId, send } = await startOne(t);
  const letGo = hold(dispatch);
  const { id: messageId } = await send("one");
  await until("it is asked for", () => dispatch.calls.length === 1);
  await messenger.as(bob).editMessage({ chatId, messageId, text: "two" });
  letGo();
  await allDone(chatId);
  assert.deepEqual(
    processedOf(messenger, chatId).map(({ message }) => message!.processed!.result),
    ["TWO"],
  );
  assert.deepEqual(
    dispatch.calls.map(({ text }) => text),
    ["one", "two"],
  );
  assert.equal(new Set(dispatch.calls.map((call) => call.idempotencyKey)).size, 2);
  assert.deepEqual(await findViolations(database), []);
});

test("an edit without a processor forgets what was to be made of the former text", async (t) => {
  const { dispatch, messenger, anna, bob, chatId, send } = await startOne(t);
  const letGo = hold(dispatch);
  const { id: messageId } = await send("one");
  await until("it is asked for", () => dispatch.calls.length === 1);
  await messenger.as(anna).updateChat({ chatId, processor: "" });
  await messenger.as(bob).editMessage({ chatId, messageId, text: "two" });
  letGo();
  await messenger.stop();
  assert.equal(await waiting(chatId), 0);
  assert.equal(processedOf(messenger, chatId).length, 0);
});

test("nothing is made of a deleted message, nor left of what was", async (t) => {
  const { dispatch, messenger, bob, chatId, send } = await startOne(t);
  const first = await send("one");
  await allDone(chatId);
  await messenger.as(bob).deleteMessage({ chatId, messageId: first.id });
  const letGo = hold(dispatch);
  const second = await send("two");
  await until("it is asked for", () => dispatch.calls.length === 2);
  await messenger.as(bob).deleteMessage({ chatId, messageId: second.id });
  letGo();
  await messenger.stop();
  const { messages } = await (await startMessenger(url)).as(bob).listMessages({ chatId });
  assert.deepEqual(
    messages.map(({ processed }) => processed),
    [undefined, undefined],
  );
  assert.equal(processedOf(messenger, chatId).length, 1);
  const { rows } = await database.withClient((client) =>
    client.query("SELECT 1 FROM messenger.messages WHERE chat_id = $1 AND processed IS NOT NULL", [chatId]),
  );
  assert.equal(rows.length, 0, "nothing of it is kept");
  assert.deepEqual(await findViolations(database), []);
});

test("what dispatch cannot take now is asked for again; what it never will is not", async (t) => {
  const { dispatch, messenger, chatId, send } = await startOne(t);
  const tries = new Map<string, number>();
  dispatch.answer = ({ text }) => {
    const nth = (tries.get(text) ?? 0) + 1;
    tries.set(text, nth);
    if (text === "never") return { status: "failed", errorCode: "payment-required" };
    if (text === "gone") throw fault("processor-not-found");
    if (nth < 3) {
      if (text === "away") throw fault("unavailable");
      return { status: "later", retryAfterMs: 1 };
    }
    return { result: `${text} ${nth}` };
  };
  for (const text of ["never", "gone", "later", "away"]) await send(text);
  await allDone(chatId);
  const { messages } = await messenger
    .as(newUsers(1)[0]!)
    .listMessages({ chatId })
    .catch(() => ({ messages: [] }));
  assert.equal(messages.length, 0, "to others the chat does not exist");
  assert.deepEqual(
    processedOf(messenger, chatId)
      .map(({ message }) => message!.processed!.result)
      .sort(),
    ["away 3", "later 3"],
  );
  assert.deepEqual([tries.get("never"), tries.get("gone")], [1, 1]);
});

test("a result that is too long for a message is not attached", async (t) => {
  const { dispatch, messenger, chatId, send } = await startOne(t, { PARLEY_MAX_TEXT_BYTES: "100" });
  dispatch.answer = ({ text }) => ({ result: "x".repeat(text === "long" ? 201 : 200) });
  await send("long");
  await send("short");
  await allDone(chatId);
  assert.deepEqual(
    processedOf(messenger, chatId).map(({ message }) => message!.text),
    ["short"],
  );
});

test("characters that a database does not like in a result do no harm", async (t) => {
  const { dispatch, messenger, chatId, send } = await startOne(t);
  dispatch.answer = () => ({ result: 'NUL \0, quote ", emoji 👍' });
  await send("hello");
  await until("it is told", () => processedOf(messenger, chatId).length === 1);
  assert.equal(processedOf(messenger, chatId)[0]!.message!.processed!.result, 'NUL \0, quote ", emoji 👍');
});

test("two servers process each text once", async (t) => {
  const { dispatch, messenger, bob, chatId } = await startOne(t);
  const two = await startMessenger(url, settings, dispatch);
  t.after(() => two.stop());
  const sends = () =>
    Array.from({ length: 60 }, (_, index) => ({
      senderId: bob,
      chatId,
      clientId: randomUUID(),
      text: `text ${index}`,
      replyTo: "",
    }));
  await Promise.all([messenger, two].map((one) => one.internal.sendMessages({ sends: sends() })));
  await allDone(chatId);
  assert.equal(dispatch.processedOnce, 120);
  assert.equal(processedOf(messenger, chatId).length + processedOf(two, chatId).length, 120);
  assert.deepEqual(await findViolations(database), []);
});

test("a server that hangs on a text loses it to another, and there is one event", async (t) => {
  const { dispatch, messenger, chatId, send } = await startOne(t, {
    PARLEY_CHAT_PROCESSING_LEASE_MS: "1000",
    // With its only place taken, it cannot be the one that takes the text up again.
    PARLEY_CHAT_PROCESSING_WORKERS: "1",
  });
  const letGo = hold(dispatch);
  await send("hello");
  await until("it is asked for", () => dispatch.calls.length === 1);
  const healthy = createFakeDispatch();
  const two = await startMessenger(url, settings, healthy);
  t.after(() => two.stop());
  await allDone(chatId);
  assert.equal(healthy.calls[0]!.idempotencyKey, dispatch.calls[0]!.idempotencyKey);
  assert.equal(processedOf(two, chatId).length, 1);
  letGo();
  await messenger.stop();
  assert.equal(processedOf(messenger, chatId).length, 0, "its answer comes too late");
});

test("a server that stops gives back what it could not finish", async (t) => {
  const { dispatch, messenger, chatId, send } = await startOne(t);
  dispatch.answer = (_, signal) =>
    new Promise<never>((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  await send("hello");
  await until("it is asked for", () => dispatch.calls.length === 1);
  await messenger.stop();
  const two = await startMessenger(url, settings, createFakeDispatch());
  t.after(() => two.stop());
  await allDone(chatId);
  assert.equal(processedOf(two, chatId).length, 1);
});

test("what waited for too long is given up", async (t) => {
  const { dispatch, messenger, chatId, send } = await startOne(t);
  dispatch.answer = () => ({ status: "later", retryAfterMs: 1_800_000 });
  await send("hello");
  const putOff = {
    name: "test.put-off",
    text: `SELECT 1 AS one FROM messenger.processing
      WHERE chat_id = $1 AND due_at > now() + interval '20 minutes'`,
  };
  await until("it is put off", async () => (await database.query(putOff, [chatId])).length === 1);
  await database.withClient((client) =>
    client.query(
      "UPDATE messenger.processing SET created_at = now() - interval '13 hours', due_at = now() WHERE chat_id = $1",
      [chatId],
    ),
  );
  await allDone(chatId);
  assert.equal(dispatch.calls.length, 1);
  assert.equal(processedOf(messenger, chatId).length, 0);
});
