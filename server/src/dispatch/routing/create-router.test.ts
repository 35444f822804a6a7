import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Provider } from "#dispatch/providers/catalogue.ts";
import { createRouter } from "#dispatch/routing/create-router.ts";
import type { Job } from "#dispatch/routing/router.ts";
import { createRoutingMetrics } from "#dispatch/routing/routing-metrics.ts";
import type { SendOutcome } from "#dispatch/sending/sender.ts";
import { createCircuits } from "#platform/circuit/circuits.ts";
import { circuitSettings } from "#platform/circuit/config.ts";
import { toPublicError } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { readSettings } from "#platform/settings.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import {
  createTestBudget,
  createTestPermits,
  createTestSender,
  testCatalogue,
  testProvider,
} from "#test/fake-dispatch-parts.ts";

const noon = Date.UTC(2026, 5, 1, 12, 1, 0);
const free = testProvider("free");
const paid = testProvider("paid", { priceMicros: 2_000 });

interface Setup {
  providers?: readonly Provider[];
  limits?: Record<string, number>;
  capMicros?: number;
  delivery?: "at-most-once" | "at-least-once";
}

function setUp({ providers = [free, paid], limits, capMicros, delivery = "at-most-once" }: Setup = {}) {
  const sending = createTestSender();
  const permits = createTestPermits(limits);
  const budget = createTestBudget(capMicros);
  const catalogue = testCatalogue(providers, { processor: { delivery } });
  const circuits = createCircuits({
    settings: readSettings(circuitSettings, {}, []),
    meter: noTelemetry.meter,
    log: createLog("silent"),
    // A circuit that opened stays open.
    now: () => 0,
  });
  const router = createRouter({
    catalogue,
    permits: permits.permits,
    budget: budget.budget,
    sender: sending.sender,
    circuits,
    clock: { now: () => noon },
    telemetry: noTelemetry,
    metrics: createRoutingMetrics(noTelemetry),
  });
  const route = (changes: Partial<Job> = {}) =>
    router.route({
      requestId: "00000000-0000-7000-8000-000000000000",
      text: "hello",
      processor: catalogue.processors.get("default")!,
      userId: "00000000-0000-7000-8000-000000000001",
      mayUsePaid: true,
      timeoutMs: 5_000,
      signal: undefined,
      beforeSend: undefined,
      ...changes,
    });
  const failure = async (changes?: Partial<Job>) => {
    try {
      await route(changes);
    } catch (error) {
      return toPublicError(error);
    }
    throw new Error("it was served");
  };
  return { router, route, failure, sending, permits, budget, circuits };
}

const unknown: SendOutcome = { kind: "unknown", reason: "timeout" };

describe("router", () => {
  it("goes to the free provider while it has permits, then to the paid one, and says why", async () => {
    const { route, budget } = setUp({ limits: { free: 1 } });
    const first = await route();
    assert.deepEqual(
      [first.result, first.providerId, first.costMicros, first.reason],
      ["HELLO", "free", 0, "free"],
    );
    assert.equal(first.freeOpensAtMs, undefined);
    const second = await route();
    assert.equal(second.providerId, "paid");
    assert.equal(second.costMicros, 2_000);
    assert.equal(second.reason, "paid: free quota 1/1, opens 12:01:07");
    assert.equal(second.freeOpensAtMs, noon + 7_000);
    assert.equal(budget.spentMicros(), 2_000);
  });

  it("goes back as soon as there are permits again", async () => {
    const { route, permits } = setUp({ limits: { free: 0 } });
    assert.equal((await route()).providerId, "paid");
    permits.open("free", 1);
    assert.equal((await route()).providerId, "free");
  });

  it("passes a refusal on to the permit, costs nothing for it, and goes to the next", async () => {
    const other = testProvider("other", { priceMicros: 1_000 });
    const { route, sending, permits, budget } = setUp({ providers: [other, paid] });
    sending.answer("other", { kind: "refused", retryAfterMs: 7_000 });
    const served = await route();
    assert.equal(served.reason, "paid: other refused until 12:01:07");
    assert.deepEqual(permits.ends, ["refused", "accepted"]);
    assert.equal(budget.spentMicros(), 2_000);
  });

  it("names the day when a provider opens on another one", async () => {
    const { route, permits } = setUp();
    permits.refuse("free", { reason: "spent", opensInMs: 86_400_000, used: 5, limit: 5 });
    assert.equal((await route()).reason, "paid: free quota 5/5, opens 2026-06-02 12:01:00");
  });

  it("counts the cost of an answer that is of no use, and goes to the next", async () => {
    const first = testProvider("first", { priceMicros: 1_000 });
    const { route, sending, permits, budget } = setUp({ providers: [first, paid] });
    sending.answer("first", { kind: "failed", reason: "http-500" });
    const served = await route();
    assert.equal(served.reason, "paid: first failed (http-500)");
    assert.equal(served.costMicros, 3_000);
    assert.equal(budget.spentMicros(), 3_000);
    assert.deepEqual(permits.ends, ["accepted", "accepted"]);
  });

  it("gives permit and money back for what was certainly not sent", async () => {
    const first = testProvider("first", { priceMicros: 1_000 });
    const { route, sending, permits, budget } = setUp({ providers: [first, paid] });
    sending.answer("first", { kind: "unsent", reason: "connect" });
    assert.equal((await route()).reason, "paid: first is down");
    assert.deepEqual(permits.ends, ["given-back", "accepted"]);
    assert.equal(budget.spentMicros(), 2_000);
  });

  it("asks for another permit when one has come too late, and stops asking", async () => {
    const { route, permits, sending } = setUp();
    permits.late(1);
    assert.equal((await route()).providerId, "free");
    permits.late(3);
    assert.equal((await route()).reason, "paid: free is busy");
    assert.equal(sending.sentTo("free"), 1);
  });

  it("does not ask another provider what was judged by one", async () => {
    const { failure, sending, permits } = setUp();
    sending.answer("free", { kind: "rejected", reason: "http-422" });
    const { code, detail } = await failure();
    assert.equal(code, "provider-failed");
    assert.match(detail, /free did not take the text \(http-422\)/);
    assert.equal(sending.sentTo("paid"), 0);
    assert.deepEqual(permits.ends, ["accepted"]);
  });

  it("gives up, at most once, when nobody knows what became of it", async () => {
    const { failure, sending, permits } = setUp();
    sending.answer("free", unknown);
    assert.equal((await failure()).code, "outcome-unknown");
    assert.equal(sending.sentTo("paid"), 0);
    assert.deepEqual(permits.ends, ["unknown"]);
  });

  it("goes to the next, at least once, when nobody knows what became of it", async () => {
    const { route, sending } = setUp({ delivery: "at-least-once" });
    sending.answer("free", unknown);
    assert.equal((await route()).reason, "paid: free did not answer (timeout)");
  });

  it("asks a provider that knows requests by their id once more, with the same id, for the same money", async () => {
    const first = testProvider("first", { priceMicros: 1_000, idempotencyHeader: "idempotency-key" });
    const { route, sending, budget } = setUp({ providers: [first, paid] });
    let calls = 0;
    sending.answer("first", () => (calls++ === 0 ? unknown : { kind: "done", result: "once" }));
    const served = await route();
    assert.equal(served.result, "once");
    assert.equal(new Set(sending.sent.map(({ requestId }) => requestId)).size, 1);
    assert.equal(budget.spentMicros(), 1_000);
    assert.equal(served.costMicros, 1_000);
  });

  it("keeps an outcome unknown when the second asking tells no more", async () => {
    const first = testProvider("first", { idempotencyHeader: "idempotency-key" });
    const { failure, sending } = setUp({ providers: [first, paid] });
    let calls = 0;
    sending.answer("first", () => (calls++ === 0 ? unknown : { kind: "failed", reason: "http-500" }));
    assert.equal((await failure()).code, "outcome-unknown");
    assert.equal(calls, 2);
  });

  it("asks only the provider that may have it after a crash, without charging again", async () => {
    const first = testProvider("first", { priceMicros: 1_000, idempotencyHeader: "idempotency-key" });
    const { route, failure, sending, budget } = setUp({ providers: [free, first], limits: { first: 1 } });
    const served = await route({ only: first });
    assert.equal(served.providerId, "first");
    assert.equal(served.costMicros, 1_000);
    assert.equal(budget.spentMicros(), 0);
    assert.equal((await failure({ only: first })).code, "no-provider");
    assert.equal(sending.sentTo("free"), 0);
  });

  it("refuses who may not use what costs, and says when free opens", async () => {
    const { failure, sending } = setUp({ limits: { free: 0 } });
    const { code, retryAfterMs, detail } = await failure({ mayUsePaid: false });
    assert.equal(code, "payment-required");
    assert.equal(retryAfterMs, 7_000);
    assert.match(detail, /free quota 0\/0, opens 12:01:07/);
    assert.equal(sending.sent.length, 0);
  });

  it("stops at the spend cap", async () => {
    const { failure, permits } = setUp({ limits: { free: 0 }, capMicros: 1_999 });
    const { code, retryAfterMs } = await failure();
    assert.equal(code, "spend-cap-reached");
    assert.equal(retryAfterMs, 7_000);
    assert.deepEqual(permits.ends, ["given-back"]);
  });

  it("names no time when a provider may open before the known one", async () => {
    const { failure, sending } = setUp({ capMicros: 1_999 });
    for (const outcome of [
      { kind: "refused", retryAfterMs: undefined },
      { kind: "failed", reason: "http-500" },
    ] as const) {
      sending.answer("free", outcome);
      const { code, retryAfterMs } = await failure();
      assert.equal(code, "spend-cap-reached");
      assert.equal(retryAfterMs, undefined, outcome.kind);
    }
  });

  it("says when the first of several opens if all are spent", async () => {
    const { failure, permits } = setUp({ limits: { free: 0 } });
    permits.refuse("paid", { reason: "blocked", opensInMs: 3_000 });
    const { code, retryAfterMs, detail } = await failure();
    assert.equal(code, "no-provider");
    assert.equal(retryAfterMs, 3_000);
    assert.match(detail, /paid refused until 12:01:03/);
  });

  it("says that no provider gave a usable answer when all fail", async () => {
    const { failure, sending } = setUp();
    sending.answer("free", { kind: "failed", reason: "not-json" });
    sending.answer("paid", { kind: "failed", reason: "http-500" });
    const { code, detail } = await failure();
    assert.equal(code, "provider-failed");
    assert.match(detail, /free failed \(not-json\); paid failed \(http-500\)/);
  });

  it("leaves a provider alone that keeps failing", async () => {
    const { route, sending } = setUp();
    sending.answer("free", { kind: "failed", reason: "http-500" });
    for (let i = 0; i < 5; i++) await route();
    const served = await route();
    assert.equal(served.reason, "paid: free is down");
    assert.equal(served.freeOpensAtMs, undefined);
    assert.equal(sending.sentTo("free"), 5);
  });

  it("never opens a circuit for refusals, or for callers in a hurry", async () => {
    const { route, failure, sending, circuits } = setUp();
    sending.answer("free", { kind: "refused", retryAfterMs: undefined });
    for (let i = 0; i < 30; i++) await route();
    sending.answer("free", { kind: "unknown", reason: "cancelled" });
    for (let i = 0; i < 6; i++) await failure();
    assert.equal(circuits.of("provider", "free").snapshot.state, "closed");
  });

  it("lets so many be under way at a provider, and goes elsewhere after a while", async () => {
    const narrow = testProvider("narrow", { concurrency: 1, maxQueueMs: 20 });
    const { route, sending } = setUp({ providers: [narrow, paid] });
    const { promise, resolve } = Promise.withResolvers<SendOutcome>();
    sending.answer("narrow", () => promise);
    const first = route();
    const second = await route();
    assert.equal(second.reason, "paid: narrow is busy");
    resolve({ kind: "done", result: "at last" });
    assert.equal((await first).result, "at last");
  });

  it("sends nothing once the time is over or nobody waits", async () => {
    const { failure, sending } = setUp();
    assert.equal((await failure({ timeoutMs: 0 })).code, "timeout");
    assert.equal((await failure({ signal: AbortSignal.abort() })).code, "cancelled");
    assert.equal(sending.sent.length, 0);
  });

  it("gives the caller's deadline to the provider, but not for outcomes that are kept", async () => {
    const { route, sending } = setUp();
    await route({ timeoutMs: 500 });
    assert.ok(sending.sent[0]!.timeoutMs <= 500);
    await route({ timeoutMs: 500, beforeSend: async () => {} });
    assert.ok(sending.sent[1]!.timeoutMs > free.timeoutMs);
  });

  it("sends nothing that could not be written down, and gives everything back", async () => {
    const { failure, sending, permits, budget } = setUp({ providers: [paid] });
    const beforeSend = async () => {
      throw new Error("no database");
    };
    assert.equal((await failure({ beforeSend })).code, "internal");
    assert.equal(sending.sent.length, 0);
    assert.deepEqual(permits.ends, ["given-back"]);
    assert.equal(budget.spentMicros(), 0);
  });
});
