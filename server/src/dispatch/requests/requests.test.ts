import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { afterEach, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createOwnershipStore } from "#dispatch/requests/store-ownership.ts";
import { sweep } from "#dispatch/requests/sweep.ts";
import type { SendOutcome } from "#dispatch/sending/sender.ts";
import { type ErrorCode, toPublicError } from "#platform/errors.ts";
import { createTestDatabase } from "#test/database.ts";
import { type DispatchPod, startDispatchPod } from "#test/dispatch-pod.ts";
import {
  createTestPermits,
  createTestSender,
  testCatalogue,
  testProvider,
} from "#test/fake-dispatch-parts.ts";
import { hurried } from "#test/hurried.ts";
import { as, eventsOf } from "#test/pod-user.ts";
import { until } from "#test/until.ts";

const { database } = await createTestDatabase();
const free = testProvider("free");
const paid = testProvider("paid", { priceMicros: 2_000 });
const repeatable = testProvider("repeatable", { idempotencyHeader: "idempotency-key" });

/** Enough to write the request down on a machine that is held up for a while, and then it is over. */
const shortMs = 3_000;

type PodOptions = Partial<Parameters<typeof startDispatchPod>[0]>;
const pods: DispatchPod[] = [];

async function startPod(options: PodOptions = {}): Promise<DispatchPod> {
  const pod = await startDispatchPod({ database, catalogue: testCatalogue([free, paid]), ...options });
  pods.push(pod);
  return pod;
}

/** What is in the background is anybody's who shares the database. */
afterEach(async () => {
  await Promise.all(pods.splice(0).map((pod) => pod.service.stop()));
  await database.query({ name: "forget", text: "DELETE FROM dispatch.requests" });
});

async function codeOf(call: Promise<unknown>): Promise<ErrorCode> {
  try {
    await call;
  } catch (error) {
    return toPublicError(error).code;
  }
  throw new Error("it did not fail");
}

const rowsOf = (userId: string) =>
  database.query<{
    id: string;
    status: string;
    text: string | null;
    owner: string | null;
    isPutOff: boolean;
  }>(
    {
      name: "rows-of",
      text: `SELECT id, status, text, owner,
               owner IS NULL AND due_at > created_at + interval '1 second' AS "isPutOff"
             FROM dispatch.requests WHERE user_id = $1`,
    },
    [userId],
  );

interface LeftRow {
  userId: string;
  status: string;
  provider: string;
  key?: string;
  background?: boolean;
  /** That of a process which no longer lives, unless given. */
  owner?: string | null;
  ageHours?: number;
}

/** A request that nobody is at. */
async function leave(row: LeftRow): Promise<string> {
  const { userId, status, provider, key, background = true, owner = randomUUID(), ageHours = 0 } = row;
  const id = randomUUID();
  const hash = createHash("sha256").update("default\0left").digest();
  await database.query(
    {
      name: "leave",
      text: `INSERT INTO dispatch.requests (id, user_id, key, processor, content_hash, text, may_use_paid,
               in_background, owner, status, due_at, provider, created_at)
             VALUES ($1, $2, $3, 'default', $4, 'left', true, $5, $6, $7, now(), $8, now() - $9 * interval '1 hour')`,
    },
    [id, userId, key ? `k${key}` : null, hash, background, owner, status, provider, ageHours],
  );
  return id;
}

describe("a request without a key", () => {
  it("leaves nothing behind", async () => {
    const { process } = await startPod();
    const user = randomUUID();
    const answer = await process.process({ text: "hello" }, as(user));
    assert.equal(answer.result, "HELLO");
    assert.deepEqual([answer.id, answer.status, answer.provider, answer.cost], ["", "done", "free", 0]);
    assert.deepEqual(await rowsOf(user), []);
  });

  it("refuses texts that are empty, too long or not Unicode, and processors that there are not", async () => {
    const { process } = await startPod({ environment: { PARLEY_PROCESS_MAX_TEXT_BYTES: "5" } });
    const caller = as(randomUUID());
    for (const text of ["", "123456", "äää", "\ud800", "a\0b"]) {
      assert.equal(await codeOf(process.process({ text }, caller)), "invalid-input", JSON.stringify(text));
    }
    assert.equal((await process.process({ text: "12345" }, caller)).result, "12345");
    assert.equal(
      await codeOf(process.process({ text: "a", processor: "none" }, caller)),
      "processor-not-found",
    );
    assert.equal(await codeOf(process.process({ text: "a" })), "unauthenticated");
  });

  it("is for paid providers only where the user may use them", async () => {
    const permits = createTestPermits({ free: 0 });
    const { process } = await startPod({
      catalogue: testCatalogue([free, paid], { paidAccess: "role" }),
      permits,
    });
    assert.equal(await codeOf(process.process({ text: "a" }, as(randomUUID()))), "payment-required");
    const answer = await process.process({ text: "a" }, as(randomUUID(), ["paid"]));
    assert.equal(answer.provider, "paid");
    assert.equal(answer.cost, 0.002);
    assert.ok(answer.freeOpensAt);
  });

  it("is given up when its caller's time is over", async () => {
    const { process, sending } = await startPod();
    let isAborted = false;
    sending.answer("free", async ({ signal }): Promise<SendOutcome> => {
      await new Promise((resolve) => signal?.addEventListener("abort", resolve, { once: true }));
      isAborted = true;
      return { kind: "unknown", reason: "cancelled" };
    });
    assert.equal(await codeOf(process.process({ text: "a" }, as(randomUUID(), [], 50))), "timeout");
    await until("it is given up", () => isAborted);
    assert.equal(sending.sentTo("paid"), 0);
  });
});

describe("a request with a key", () => {
  it("is processed once, however often it is repeated", async () => {
    const { process, sending } = await startPod();
    const caller = as(randomUUID());
    const first = await process.process({ text: "hello", idempotencyKey: "one" }, caller);
    const again = await process.process({ text: "hello", idempotencyKey: "one" }, caller);
    assert.deepEqual(again, first);
    assert.equal(first.status, "done");
    assert.equal(sending.sent.length, 1);
    assert.deepEqual(await process.getProcess({ id: first.id }, caller), first);
  });

  it("keeps no text once it has ended", async () => {
    const { process } = await startPod();
    const user = randomUUID();
    await process.process({ text: "hello", idempotencyKey: "one" }, as(user));
    const [row] = await rowsOf(user);
    assert.deepEqual([row!.status, row!.text, row!.owner], ["done", null, null]);
  });

  it("belongs to its user: others have the same key for themselves, and cannot ask for it", async () => {
    const { process, sending } = await startPod();
    const { id } = await process.process({ text: "a", idempotencyKey: "k" }, as(randomUUID()));
    await process.process({ text: "b", idempotencyKey: "k" }, as(randomUUID()));
    assert.equal(sending.sent.length, 2);
    assert.equal(await codeOf(process.getProcess({ id }, as(randomUUID()))), "process-not-found");
  });

  it("refuses another text, or another processor, under the same key", async () => {
    const { process } = await startPod();
    const caller = as(randomUUID());
    await process.process({ text: "a", idempotencyKey: "k" }, caller);
    assert.equal(
      await codeOf(process.process({ text: "b", idempotencyKey: "k" }, caller)),
      "idempotency-key-reused",
    );
    const both = [
      process.process({ text: "a", idempotencyKey: "n" }, caller),
      codeOf(process.process({ text: "b", idempotencyKey: "n" }, caller)),
    ] as const;
    assert.equal((await both[0]).result, "A");
    assert.equal(await both[1], "idempotency-key-reused");
  });

  it("is processed once when fifty come at the same moment at two pods", async () => {
    const sending = createTestSender();
    sending.answer("free", async ({ text }) => {
      await delay(50);
      return { kind: "done", result: text.toUpperCase() };
    });
    const pods = [await startPod({ sending }), await startPod({ sending })];
    const caller = as(randomUUID());
    const calls = Array.from({ length: 50 }, (_, nth) =>
      pods[nth % 2]!.process.process({ text: "hello", idempotencyKey: "same" }, caller),
    );
    const answers = await Promise.all(calls);
    assert.equal(sending.sent.length, 1);
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
  });

  it("keeps a failure that may have been charged", async () => {
    const { process, sending } = await startPod();
    const caller = as(randomUUID());
    sending.answer("free", { kind: "unknown", reason: "connection-lost" });
    const call = () => process.process({ text: "a", idempotencyKey: "k" }, caller);
    assert.equal(await codeOf(call()), "outcome-unknown");
    sending.answer("free", { kind: "done", result: "late" });
    assert.equal(await codeOf(call()), "outcome-unknown");
    assert.equal(sending.sent.length, 1);
  });

  it("frees the key when nothing was processed", async () => {
    const permits = createTestPermits({ free: 0, paid: 0 });
    const { process } = await startPod({ permits });
    const caller = as(randomUUID());
    const call = () => process.process({ text: "a", idempotencyKey: "k" }, caller);
    assert.equal(await codeOf(call()), "no-provider");
    permits.open("free", 1);
    assert.equal((await call()).result, "A");
  });

  it("goes on when its caller's time is over, says so, and keeps the outcome", async () => {
    const { process, sending, ...pod } = await startPod();
    const user = randomUUID();
    const events = await eventsOf(pod, user);
    const { promise, resolve } = Promise.withResolvers<SendOutcome>();
    sending.answer("free", () => promise);
    const request = { text: "a", idempotencyKey: "k" };
    const answer = await process.process(request, hurried(user, shortMs));
    assert.equal(answer.status, "running");
    resolve({ kind: "done", result: "late" });
    await until("it has ended", async () => {
      return (await process.getProcess({ id: answer.id }, as(user))).status === "done";
    });
    assert.equal((await process.process(request, as(user))).result, "late");
    assert.equal(sending.sent.length, 1);
    assert.deepEqual(
      events.map((event) => [event.kind, event.process?.id, event.process?.status]),
      [["process", answer.id, "done"]],
    );
  });

  it("does not suffer from a first caller with less time", async () => {
    const narrow = testProvider("narrow", { concurrency: 1, maxQueueMs: 60_000 });
    const { process, sending } = await startPod({ catalogue: testCatalogue([narrow]) });
    const { promise, resolve } = Promise.withResolvers<SendOutcome>();
    sending.answer("narrow", ({ text }) => (text === "hold" ? promise : { kind: "done", result: "A" }));
    const user = randomUUID();
    const hold = process.process({ text: "hold" }, as(user));
    await until("the place is taken", () => sending.sent.length === 1);
    const first = process.process({ text: "a", idempotencyKey: "k" }, hurried(user, shortMs));
    const patient = process.process({ text: "a", idempotencyKey: "k" }, as(user, [], 60_000));
    assert.equal((await first).status, "running");
    await delay(200);
    resolve({ kind: "done", result: "held" });
    await hold;
    assert.equal((await patient).result, "A");
    assert.equal(sending.sent.length, 2);
  });

  it("sends nothing when it cannot be written down, whereas one without a key goes", async () => {
    const broken = new Proxy(database, {
      get(target, name) {
        if (name !== "query") return Reflect.get(target, name);
        return (statement: { name: string }, values: unknown[]) => {
          if (statement.name.startsWith("dispatch.requests") && isAway) throw new Error("away");
          return target.query(statement as never, values);
        };
      },
    });
    let isAway = false;
    const { process, sending } = await startPod({ database: broken });
    isAway = true;
    await assert.rejects(process.process({ text: "a", idempotencyKey: "k" }, as(randomUUID())));
    assert.equal(sending.sent.length, 0);
    assert.equal((await process.process({ text: "a" }, as(randomUUID()))).result, "A");
    isAway = false;
  });
});

describe("a request in the background", () => {
  it("is answered at once, processed, told of, and can be asked for", async () => {
    const pod = await startPod();
    const user = randomUUID();
    const events = await eventsOf(pod, user);
    const answer = await pod.process.process({ text: "hello", respondAsync: true }, as(user));
    assert.equal(answer.status, "waiting");
    assert.equal(answer.finishedAt, undefined);
    await until("it is told of", () => events.length > 0);
    assert.deepEqual([events[0]!.process?.id, events[0]!.process?.status], [answer.id, "done"]);
    const ended = await pod.process.getProcess({ id: answer.id }, as(user));
    assert.deepEqual([ended.status, ended.result, ended.reason], ["done", "HELLO", "free"]);
    assert.ok(ended.finishedAt);
  });

  it("is the same for the same key, also for a caller who waits", async () => {
    const { process, sending } = await startPod();
    const caller = as(randomUUID());
    const request = { text: "hello", idempotencyKey: "k" };
    const first = await process.process({ ...request, respondAsync: true }, caller);
    const second = await process.process({ ...request, respondAsync: true }, caller);
    assert.equal(second.id, first.id);
    const waited = await process.process(request, caller);
    assert.deepEqual([waited.id, waited.result], [first.id, "HELLO"]);
    assert.equal(sending.sent.length, 1);
  });

  it("waits until a provider takes it", async () => {
    const permits = createTestPermits({ free: 0 });
    permits.refuse("free", { reason: "spent", opensInMs: 50 });
    const { process } = await startPod({ permits, catalogue: testCatalogue([free]) });
    const caller = as(randomUUID());
    const { id } = await process.process({ text: "a", respondAsync: true }, caller);
    const statusOf = async () => (await process.getProcess({ id }, caller)).status;
    await until("it was tried again", () => permits.asked() >= 2);
    await until("it waits again", async () => (await statusOf()) === "waiting");
    permits.refuse("free", undefined as never);
    permits.open("free", 1);
    await until("it is done", async () => (await process.getProcess({ id }, caller)).status === "done");
  });

  it("waits its turn: who came first is served first when a provider opens", async () => {
    const permits = createTestPermits({ free: 0 });
    permits.refuse("free", { reason: "spent", opensInMs: 3_600_000 });
    const { process, sending } = await startPod({
      permits,
      catalogue: testCatalogue([free]),
      environment: { PARLEY_PROCESS_WORKERS: "1" },
    });
    const userId = randomUUID();
    const texts = ["1", "2", "3", "4", "5", "6"];
    for (const text of texts) await process.process({ text, respondAsync: true }, as(userId));
    await until("all were refused once", async () =>
      (await rowsOf(userId)).every(({ isPutOff }) => isPutOff),
    );
    permits.refuse("free", undefined as never);
    permits.open("free", 100);
    const later = "UPDATE dispatch.requests SET due_at = due_at - interval '61 minutes' WHERE user_id = $1";
    await database.query({ name: "later", text: later }, [userId]);
    await until("all are done", () => sending.sent.length === texts.length);
    assert.deepEqual(
      sending.sent.map(({ text }) => text),
      texts,
    );
  });

  it("fails for good when nobody knows what became of it", async () => {
    const pod = await startPod();
    const user = randomUUID();
    pod.sending.answer("free", { kind: "unknown", reason: "timeout" });
    const events = await eventsOf(pod, user);
    const { id } = await pod.process.process({ text: "a", respondAsync: true }, as(user));
    await until("it is told of", () => events.length > 0);
    const ended = await pod.process.getProcess({ id }, as(user));
    assert.deepEqual([ended.status, ended.errorCode], ["failed", "outcome-unknown"]);
    assert.match(ended.errorDetail, /free/);
  });

  it("fails once it could not be processed for as long as outcomes are kept", async () => {
    const userId = randomUUID();
    const permits = createTestPermits({ free: 0 });
    const id = await leave({ userId, status: "waiting", provider: "free", owner: null, ageHours: 2 });
    const { process } = await startPod({
      permits,
      catalogue: testCatalogue([free]),
      environment: { PARLEY_PROCESS_RETENTION_HOURS: "1" },
    });
    const state = () => process.getProcess({ id }, as(userId));
    await until("it has failed", async () => (await state()).status === "failed");
    assert.equal((await state()).errorCode, "no-provider");
  });

  it("is forgotten when its time is over, and not before", async () => {
    const { process } = await startPod();
    const user = randomUUID();
    const keys = ["old", "new"];
    for (const idempotencyKey of keys) await process.process({ text: "a", idempotencyKey }, as(user));
    const age =
      "UPDATE dispatch.requests SET ended_at = ended_at - interval '2 hours' WHERE user_id = $1 AND key = 'kold'";
    await database.query({ name: "age", text: age }, [user]);
    await sweep(createOwnershipStore(database, randomUUID()), 3_600_000);
    const left = await database.query<{ key: string }>(
      { name: "keys", text: "SELECT key FROM dispatch.requests WHERE user_id = $1" },
      [user],
    );
    assert.deepEqual(left, [{ key: "knew" }]);
  });

  it("is forgotten as fast as thousands a second come, and no longer once the process stops", async () => {
    const sweptOf = async (left: number, isStopped?: () => boolean) => {
      let swept = 0;
      const store = {
        async sweep(_: number, limit: number) {
          const gone = Math.min(limit, left - swept);
          swept += gone;
          return gone;
        },
        sweepProcesses: async () => {},
      };
      await sweep(store, 1, isStopped);
      return swept;
    };
    const perMinute = 60 * 5_000;
    assert.equal(await sweptOf(perMinute), perMinute);
    assert.equal(await sweptOf(perMinute, () => true), 0);
  });

  it("has a bound for each user", async () => {
    const permits = createTestPermits({ free: 0 });
    const { process } = await startPod({
      permits,
      catalogue: testCatalogue([free]),
      environment: { PARLEY_PROCESS_MAX_WAITING_PER_USER: "2" },
    });
    const caller = as(randomUUID());
    const enqueue = (idempotencyKey: string) =>
      process.process({ text: "a", respondAsync: true, idempotencyKey }, caller);
    await enqueue("1");
    const second = await enqueue("2");
    assert.equal(await codeOf(enqueue("3")), "too-many-requests");
    assert.equal((await enqueue("2")).id, second.id);
  });

  it("has that bound also where many come at once", async () => {
    const permits = createTestPermits({ free: 0 });
    const { process } = await startPod({
      permits,
      catalogue: testCatalogue([free]),
      environment: { PARLEY_PROCESS_MAX_WAITING_PER_USER: "2" },
    });
    const user = randomUUID();
    const enqueue = () => process.process({ text: "a", respondAsync: true }, as(user));
    const answers = await Promise.allSettled(Array.from({ length: 50 }, enqueue));
    const admitted = answers.filter(({ status }) => status === "fulfilled").length;
    assert.ok(admitted === 1 || admitted === 2, `${admitted}`);
    assert.equal((await rowsOf(user)).length, admitted);
  });

  it("has that bound also where callers do not wait for their outcome", async () => {
    const { process, sending } = await startPod({
      environment: { PARLEY_PROCESS_MAX_WAITING_PER_USER: "2" },
    });
    const { promise, resolve } = Promise.withResolvers<SendOutcome>();
    sending.answer("free", () => promise);
    const user = randomUUID();
    const call = (idempotencyKey: string) =>
      process.process({ text: "a", idempotencyKey }, hurried(user, shortMs));
    const [first, second] = await Promise.all([call("1"), call("2")]);
    assert.deepEqual([first.status, second.status], ["running", "running"]);
    const [third, again] = await Promise.all([codeOf(call("3")), call("1")]);
    assert.equal(third, "too-many-requests");
    assert.equal(again.id, first.id);
    resolve({ kind: "done", result: "x" });
    assert.equal((await process.process({ text: "a", idempotencyKey: "3" }, as(user))).result, "x");
    assert.equal(sending.sent.length, 3);
  });

  it("runs no more at once than there are workers", async () => {
    const { process, sending } = await startPod({ environment: { PARLEY_PROCESS_WORKERS: "3" } });
    const { promise, resolve } = Promise.withResolvers<SendOutcome>();
    sending.answer("free", () => promise);
    const caller = as(randomUUID());
    const enqueue = async (text: string) => (await process.process({ text, respondAsync: true }, caller)).id;
    const ids = await Promise.all(Array.from({ length: 20 }, (_, nth) => enqueue(`${nth}`)));
    await until("three are under way", () => sending.sent.length === 3);
    await delay(100);
    assert.equal(sending.sent.length, 3);
    resolve({ kind: "done", result: "x" });
    for (const id of ids) {
      await until("it is done", async () => (await process.getProcess({ id }, caller)).status === "done");
    }
    assert.equal(sending.sent.length, 20);
  });
});

describe("a request whose process has died", () => {
  const leaseMs = 600;

  it("is processed by another one when it was not sent", async () => {
    const userId = randomUUID();
    const id = await leave({ userId, status: "waiting", provider: "free" });
    const { process } = await startPod({ leaseMs });
    await until("it is done", async () => (await process.getProcess({ id }, as(userId))).status === "done");
  });

  it("is asked for again of a provider that knows it by its id, and of no other", async () => {
    const userId = randomUUID();
    const id = await leave({ userId, status: "sending", provider: "repeatable" });
    const { process, sending } = await startPod({ leaseMs, catalogue: testCatalogue([free, repeatable]) });
    await until("it is done", async () => (await process.getProcess({ id }, as(userId))).status === "done");
    assert.deepEqual(
      sending.sent.map((one) => [one.providerId, one.requestId]),
      [["repeatable", id]],
    );
  });

  it("waits for that provider when it takes nothing", async () => {
    const userId = randomUUID();
    const permits = createTestPermits({ repeatable: 0 });
    permits.refuse("repeatable", { reason: "spent", opensInMs: 20 });
    const id = await leave({ userId, status: "sending", provider: "repeatable", background: false });
    const { process, sending } = await startPod({
      leaseMs,
      permits,
      catalogue: testCatalogue([free, repeatable]),
    });
    await until("it was tried", async () => (await rowsOf(userId))[0]!.owner === null);
    await delay(2 * leaseMs);
    assert.equal(sending.sent.length, 0);
    permits.refuse("repeatable", undefined as never);
    permits.open("repeatable", 1);
    await until("it is done", async () => (await process.getProcess({ id }, as(userId))).status === "done");
    assert.equal(sending.sentTo("free"), 0);
  });

  it("has failed when nobody can know, for each later retry too", async () => {
    const userId = randomUUID();
    await leave({ userId, status: "sending", provider: "free", key: "k", background: false });
    const { process, sending } = await startPod({ leaseMs });
    const call = () => codeOf(process.process({ text: "left", idempotencyKey: "k" }, as(userId)));
    assert.equal(await call(), "outcome-unknown");
    assert.equal(await call(), "outcome-unknown");
    assert.equal(sending.sent.length, 0);
  });

  it("is sent to any provider when it may be processed twice", async () => {
    const userId = randomUUID();
    const id = await leave({ userId, status: "sending", provider: "free" });
    const catalogue = testCatalogue([free, paid], { processor: { delivery: "at-least-once" } });
    const { process } = await startPod({ leaseMs, catalogue });
    await until("it is done", async () => (await process.getProcess({ id }, as(userId))).status === "done");
  });

  it("is taken up by its own process when that does not know of it", async () => {
    const userId = randomUUID();
    const { process } = await startPod({ leaseMs });
    const owners = await database.query<{ id: string }>({
      name: "owners",
      text: "SELECT id FROM dispatch.processes",
    });
    const id = await leave({ userId, status: "waiting", provider: "free", owner: owners[0]!.id });
    await until("it is done", async () => (await process.getProcess({ id }, as(userId))).status === "done");
  });

  it("is not sent by a process that was only slow, which gets the other's outcome", async () => {
    const narrow = testProvider("narrow", { concurrency: 1, maxQueueMs: 60_000 });
    const { process, sending } = await startPod({ catalogue: testCatalogue([narrow]) });
    const { promise, resolve } = Promise.withResolvers<SendOutcome>();
    sending.answer("narrow", () => promise);
    const user = randomUUID();
    const hold = process.process({ text: "hold" }, as(user));
    await until("the place is taken", () => sending.sent.length === 1);
    const slow = process.process({ text: "a", idempotencyKey: "k" }, as(user));
    await until("it is there", async () => (await rowsOf(user)).length === 1);
    const takenOver = `UPDATE dispatch.requests SET owner = NULL, status = 'done', text = NULL, result = 'by another',
      ended_at = now() WHERE user_id = $1`;
    await database.query({ name: "taken-over", text: takenOver }, [user]);
    resolve({ kind: "done", result: "held" });
    await hold;
    assert.equal((await slow).result, "by another");
    assert.equal(sending.sent.length, 1);
  });

  it("is not taken by a process that was held up since it said that it is alive", async () => {
    await startPod().then(({ service }) => service.stop());
    await leave({ userId: randomUUID(), status: "waiting", provider: "free" });
    const me = randomUUID();
    const store = createOwnershipStore(database, me);
    await store.heartbeat(60_000);
    const heldUp =
      "UPDATE dispatch.processes SET alive_until = alive_until - interval '31 seconds' WHERE id = $1";
    await database.query({ name: "held-up", text: heldUp }, [me]);
    assert.deepEqual(await store.takeOver(10, 60_000), []);
    await store.heartbeat(60_000);
    assert.equal((await store.takeOver(10, 60_000)).length, 1);
    await store.leave();
  });

  it("is left alone while its process lives", async () => {
    const sending = createTestSender();
    const { promise, resolve } = Promise.withResolvers<SendOutcome>();
    sending.answer("free", () => promise);
    const one = await startPod({ leaseMs, sending });
    await startPod({ leaseMs, sending });
    const call = one.process.process({ text: "a", idempotencyKey: "k" }, as(randomUUID(), [], 20_000));
    await delay(4 * leaseMs);
    resolve({ kind: "done", result: "mine" });
    assert.equal((await call).result, "mine");
    assert.equal(sending.sent.length, 1);
  });
});

describe("the text of a chat's message", () => {
  const asked = (userId: string) => ({
    userId,
    processor: "",
    text: "a",
    idempotencyKey: "m:1",
    mayUsePaid: false,
  });

  it("is processed once", async () => {
    const { internal, sending } = await startPod();
    const userId = randomUUID();
    const first = await internal.processMessage(asked(userId));
    assert.deepEqual([first.status, first.result, first.provider], ["done", "A", "free"]);
    assert.deepEqual(await internal.processMessage(asked(userId)), first);
    assert.equal(sending.sent.length, 1);
  });

  it("is put off when no provider takes it, and never again when it cannot be", async () => {
    const permits = createTestPermits({ free: 0 });
    const { internal } = await startPod({
      permits,
      catalogue: testCatalogue([free, paid], { paidAccess: "role" }),
    });
    const later = await internal.processMessage(asked(randomUUID()));
    assert.deepEqual(
      [later.status, later.errorCode, later.retryAfterMs],
      ["later", "payment-required", 7_000],
    );
    const never = await internal.processMessage({ ...asked(randomUUID()), processor: "none" });
    assert.deepEqual([never.status, never.errorCode], ["failed", "processor-not-found"]);
  });

  it("is nothing that the user's sockets are told of, also when it takes longer than its caller waits", async () => {
    const pod = await startPod();
    const userId = randomUUID();
    const events = await eventsOf(pod, userId);
    const { promise, resolve } = Promise.withResolvers<SendOutcome>();
    pod.sending.answer("free", () => promise);
    const early = await pod.internal.processMessage(asked(userId), hurried(userId, shortMs));
    assert.equal(early.status, "later");
    resolve({ kind: "done", result: "late" });
    assert.equal((await pod.internal.processMessage(asked(userId))).result, "late");
    assert.deepEqual(events, []);
  });

  it("does not share keys with what users send", async () => {
    const { internal, process } = await startPod();
    const userId = randomUUID();
    await process.process({ text: "other", idempotencyKey: "m:1" }, as(userId));
    assert.equal((await internal.processMessage(asked(userId))).result, "A");
  });
});
