import assert from "node:assert/strict";
import { test } from "node:test";
import { createNoopMeter } from "@opentelemetry/api";
import { createCacheMetrics } from "#gateway/cache/cache-metrics.ts";
import type { AnswerTags } from "#gateway/cache/cacheable.ts";
import { createMemoryTier } from "#gateway/cache/memory-tier.ts";
import { type CacheQuery, createResponseCache } from "#gateway/cache/response-cache.ts";
import { noSharedTier } from "#gateway/cache/shared-tier.ts";
import { type ErrorCode, fault } from "#platform/errors.ts";
import { createLocalStamps } from "#platform/stamps/local-stamps.ts";
import { type Stamps, tags } from "#platform/stamps/stamps.ts";

const metrics = createCacheMetrics(createNoopMeter());
const chat: AnswerTags = { access: [tags.members("c")], content: [tags.chat("c")] };
const profile: AnswerTags = { access: [], content: [tags.user("u")] };
const ttlMs = 10_000;
const staleMs = 60_000;

function setUp({ maxBytes = 1_000_000 } = {}) {
  const clock = { nowMs: 1_000_000, now: () => clock.nowMs };
  const local = createLocalStamps();
  const redis = { isAway: false };
  const stamps: Stamps = {
    read: async (wanted) => (redis.isAway ? undefined : local.read(wanted)),
    change: (changed) => local.change(changed),
  };
  const memory = createMemoryTier(maxBytes, metrics);
  const cache = createResponseCache({ stamps, memory, shared: noSharedTier, clock, metrics, ttlMs, staleMs });
  const service = { calls: 0, text: "text", fails: undefined as ErrorCode | undefined };
  const load = async () => {
    service.calls += 1;
    const { text, fails } = service;
    await new Promise(setImmediate);
    if (fails) throw fault(fails);
    return text;
  };
  const ask = async (key = "alice /", of = chat, query: Partial<CacheQuery> = {}) => {
    const { body, status } = await cache.answer({ key, tags: () => of, load, ...query });
    return { text: body.toString(), status };
  };
  return { clock, stamps, redis, memory, service, ask };
}

test("an answer is kept until one of its tags changes or its time is over", async () => {
  const { ask, service, stamps, clock } = setUp();
  assert.match((await ask()).status, /fwd=uri-miss; stored/);
  assert.match((await ask()).status, /hit; ttl=10/);
  service.text = "changed";
  await stamps.change([tags.chat("c")]);
  assert.deepEqual(await ask(), { text: "changed", status: "parley; fwd=stale; stored" });
  await stamps.change([tags.chat("another")]);
  assert.match((await ask()).status, /hit/);
  clock.nowMs += ttlMs;
  assert.match((await ask()).status, /fwd=stale; stored/);
  assert.equal(service.calls, 3);
});

test("a hundred callers at once are answered by one call", async () => {
  const { ask, service } = setUp();
  const answers = await Promise.all(Array.from({ length: 100 }, () => ask()));
  assert.equal(service.calls, 1);
  assert.equal(answers.filter(({ status }) => status.endsWith("collapsed")).length, 99);
});

test("who comes after a change does not share a call that began before it", { timeout: 10_000 }, async () => {
  const { ask, service, stamps } = setUp();
  let release = () => {};
  const blocked = new Promise<void>((resolve) => {
    release = resolve;
  });
  const early = ask("alice /", chat, { load: () => blocked.then(() => "before") });
  await new Promise(setImmediate);
  service.text = "after";
  await stamps.change([tags.chat("c")]);
  assert.equal((await ask()).text, "after");
  release();
  assert.equal((await early).text, "before");
  assert.equal((await ask()).text, "after", "nor is what came late kept as if it were new");
});

test("an answer is never given under another key", async () => {
  const { ask, service } = setUp();
  await ask("alice /");
  service.text = "for bob";
  assert.equal((await ask("bob /")).text, "for bob");
});

test("errors are not kept, and every caller of a failed call is told", async () => {
  const { ask, service } = setUp();
  service.fails = "chat-not-found";
  const results = await Promise.allSettled([ask(), ask()]);
  assert.ok(results.every(({ status }) => status === "rejected"));
  service.fails = undefined;
  assert.equal((await ask()).text, "text");
});

test("when stamps cannot be told, the service is asked", async () => {
  const { ask, service, redis } = setUp();
  await ask();
  redis.isAway = true;
  service.text = "now";
  assert.deepEqual(await ask(), { text: "now", status: "parley; fwd=bypass" });
});

for (const code of ["unavailable", "timeout", "overloaded"] as const) {
  test(`when the service is away (${code}), an older answer is given and says so`, async () => {
    const { ask, service, stamps, clock } = setUp();
    await ask();
    await stamps.change([tags.chat("c")]);
    clock.nowMs += ttlMs + 5_000;
    service.fails = code;
    assert.deepEqual(await ask(), { text: "text", status: "parley; hit; ttl=-5; detail=stale-if-error" });
    clock.nowMs += staleMs;
    await assert.rejects(ask(), "but not one that is too old");
  });
}

test("an older answer is refused to who may be no member any more", async () => {
  const { ask, service, stamps, redis } = setUp();
  await ask();
  service.fails = "unavailable";
  redis.isAway = true;
  await assert.rejects(ask(), "it cannot be told");
  redis.isAway = false;
  await stamps.change([tags.members("c")]);
  await assert.rejects(ask(), "members have changed");
});

test("an older answer that is everybody's is given even when nothing can be told", async () => {
  const { ask, service, redis } = setUp();
  await ask("alice /users/u", profile);
  service.fails = "unavailable";
  redis.isAway = true;
  assert.match((await ask("alice /users/u", profile)).status, /stale-if-error/);
});

test("other errors are told as they are", async () => {
  const { ask, service, stamps } = setUp();
  await ask();
  await stamps.change([tags.chat("c")]);
  for (const code of ["chat-not-found", "internal", "too-many-requests"] as const) {
    service.fails = code;
    await assert.rejects(ask());
  }
});

test("no more bytes are kept than allowed, and what was used last is kept longest", async () => {
  const { ask, service, memory } = setUp({ maxBytes: 100_000 });
  service.text = "x".repeat(10_000);
  await ask("alice /first");
  for (let i = 0; i < 50; i++) {
    await ask(`alice /${i}`);
    assert.match((await ask("alice /first")).status, /hit/);
    assert.ok(memory.bytes <= 100_000);
  }
  assert.match((await ask("alice /0")).status, /uri-miss/);
});

test("an answer that is too large is passed on and not kept", async () => {
  const { ask, service, memory } = setUp({ maxBytes: 10_000_000 });
  service.text = "x".repeat(2_000_000);
  assert.deepEqual((await ask()).status, "parley; fwd=uri-miss");
  assert.equal(memory.bytes, 0);
});
