/** Requests whose callers do not wait. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createOwnershipStore } from "#dispatch/requests/store-ownership.ts";
import { sweep } from "#dispatch/requests/sweep.ts";
import type { SendOutcome } from "#dispatch/sending/sender.ts";
import { createTestPermits, testCatalogue } from "#test/fake-dispatch-parts.ts";
import { hurried } from "#test/hurried.ts";
import { as, eventsOf } from "#test/pod-user.ts";
import { codeOf, free, shortMs, startRequestPods } from "#test/request-pods.ts";
import { until } from "#test/until.ts";

const { database, leave, rowsOf, startPod } = await startRequestPods();

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
