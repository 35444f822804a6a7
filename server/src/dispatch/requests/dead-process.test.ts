/** What becomes of the requests of a process that has died. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createOwnershipStore } from "#dispatch/requests/store-ownership.ts";
import type { SendOutcome } from "#dispatch/sending/sender.ts";
import {
  createTestPermits,
  createTestSender,
  testCatalogue,
  testProvider,
} from "#test/fake-dispatch-parts.ts";
import { as } from "#test/pod-user.ts";
import { codeOf, free, paid, repeatable, startRequestPods } from "#test/request-pods.ts";
import { until } from "#test/until.ts";

const { database, leave, rowsOf, startPod } = await startRequestPods();

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
    const call = one.process.process({ text: "a", idempotencyKey: "k" }, as(randomUUID(), [], 20_000));
    await until("it is sent", () => sending.sent.length === 1);
    const others = createTestSender();
    await startPod({ leaseMs, sending: others });
    // Those of dead processes are anybody's; once the other one has taken one over, it has looked for what it may take.
    await until("the other one takes requests over", async () => {
      await leave({ userId: randomUUID(), status: "waiting", provider: "free" });
      return others.sent.length > 0;
    });
    resolve({ kind: "done", result: "mine" });
    assert.equal((await call).result, "mine");
    assert.deepEqual([...sending.sent, ...others.sent].filter(({ text }) => text === "a").length, 1);
  });
});
