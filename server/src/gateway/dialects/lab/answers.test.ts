import assert from "node:assert/strict";
import { test } from "node:test";
import { createNoopMeter } from "@opentelemetry/api";
import { createCacheMetrics } from "#gateway/cache/cache-metrics.ts";
import { createMemoryTier } from "#gateway/cache/memory-tier.ts";
import { createResponseCache } from "#gateway/cache/response-cache.ts";
import { noSharedTier } from "#gateway/cache/shared-tier.ts";
import { createCallTurns } from "#gateway/call-turns.ts";
import { gatewaySettings } from "#gateway/config.ts";
import { type AnswerParts, createAnswer } from "#gateway/dialects/lab/answers.ts";
import { fault, toPublicError } from "#platform/errors.ts";
import { readSettings } from "#platform/settings.ts";
import { createLocalStamps } from "#platform/stamps/local-stamps.ts";
import { tags } from "#platform/stamps/stamps.ts";

const config = readSettings(gatewaySettings, {}, []);
const metrics = createCacheMetrics(createNoopMeter());
const clock = { nowMs: 1_000_000, now: () => clock.nowMs };

function setUp({ hasCache = true } = {}) {
  const stamps = createLocalStamps();
  const answers = createResponseCache({
    stamps,
    memory: createMemoryTier(1_000_000, metrics),
    shared: noSharedTier,
    clock,
    metrics,
    ttlMs: 10_000,
    staleMs: 60_000,
  });
  const turns = createCallTurns({ maxUnderWay: 1, maxWaiting: 0 });
  const parts: AnswerParts = { cache: hasCache ? { answers, metrics } : undefined, turns, config };
  const answer = createAnswer(parts);
  const service = { calls: 0, answer: async (): Promise<unknown> => ({ n: service.calls }) };
  const ask = async (userId = "ann", question = "user 1") => {
    const load = () => {
      service.calls += 1;
      return service.answer();
    };
    const content = [tags.user("1")];
    const { body, text } = await answer({ userId, question, tags: { access: [], content }, load });
    return text === undefined ? body : JSON.parse(text);
  };
  return { ask, service, stamps };
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "none",
    (error) => toPublicError(error).code,
  );

test("an answer is its asker's own, and kept until what it was made of changes", async () => {
  const { ask, stamps } = setUp();
  assert.deepEqual([await ask(), await ask(), await ask("ben")], [{ n: 1 }, { n: 1 }, { n: 2 }]);
  await stamps.change([tags.user("1")]);
  assert.deepEqual([await ask(), await ask("ben")], [{ n: 3 }, { n: 4 }]);
});

test("an old answer stands in for a service that is away, but not for one that says no", async () => {
  const { ask, service } = setUp();
  await ask();
  clock.nowMs += 20_000;
  service.answer = async () => Promise.reject(fault("unavailable"));
  assert.deepEqual(await ask(), { n: 1 });
  assert.equal(await codeOf(ask("ann", "user 2")), "unavailable");
  service.answer = async () => Promise.reject(fault("user-not-found"));
  assert.equal(await codeOf(ask()), "user-not-found");
});

test("what is kept waits for nothing, while the caller's other calls hang", async () => {
  const { ask, service } = setUp();
  await ask();
  const { promise, resolve } = Promise.withResolvers<unknown>();
  service.answer = () => promise;
  const hanging = ask("ann", "user 2");
  await new Promise(setImmediate);
  assert.deepEqual(await ask(), { n: 1 });
  assert.equal(await codeOf(ask("ann", "user 3")), "too-many-requests");
  resolve({ n: "late" });
  assert.deepEqual(await hanging, { n: "late" });
});

test("without a cache the service is asked each time, as many at once as the caller may have", async () => {
  const { ask } = setUp({ hasCache: false });
  assert.deepEqual([await ask(), await ask()], [{ n: 1 }, { n: 2 }]);
  const both = await Promise.all([codeOf(ask()), codeOf(ask())]);
  assert.deepEqual(both, ["none", "too-many-requests"]);
});
