/**
 * Two gateways and two writers on one real Redis: whatever comes in whatever order, a read that begins after a write
 * was acknowledged sees it. Meanwhile Redis is emptied, and pods are cut off from it, at any moment.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createNoopMeter } from "@opentelemetry/api";
import fc from "fast-check";
import { createCacheMetrics } from "#gateway/cache/cache-metrics.ts";
import { createMemoryTier } from "#gateway/cache/memory-tier.ts";
import { createResponseCache } from "#gateway/cache/response-cache.ts";
import { createSharedTier } from "#gateway/cache/shared-tier.ts";
import { createLog } from "#platform/log.ts";
import { openRedis } from "#platform/redis.ts";
import { createRedisStamps } from "#platform/stamps/redis-stamps.ts";
import { tags } from "#platform/stamps/stamps.ts";
import { cuttable } from "#test/cuttable-redis.ts";
import { startRedis, withoutRedis } from "#test/redis-server.ts";
import { until } from "#test/until.ts";

const log = createLog("silent");
const metrics = createCacheMetrics(createNoopMeter());
const chats = ["a", "b"] as const;
type Chat = (typeof chats)[number];
const leaseMs = 100;
const clock = { now: () => Date.now() };

function createPod(url: string) {
  const redis = cuttable(openRedis({ url, log }));
  const stamps = createRedisStamps({ redis, log, writes: true, leaseMs, settleMs: 0 });
  const cache = createResponseCache({
    stamps,
    memory: createMemoryTier(1_000_000, metrics),
    shared: createSharedTier({ redis, clock, lifeMs: 60_000 }),
    clock,
    metrics,
    ttlMs: 60_000,
    staleMs: 60_000,
  });
  stamps.start();
  return { redis, stamps, cache };
}

const pod = fc.constantFrom(0, 1);
const chat = fc.constantFrom(...chats);
const of = <Kind extends string>(kind: Kind, maxWaitMs: number) =>
  fc.record({ kind: fc.constant(kind), pod, chat, waitMs: fc.nat(maxWaitMs) });
/** Cut off for a moment, with a write in it that reaches no stamp. */
const flap = fc
  .record({ pod, chat, cutMs: fc.nat(30), backMs: fc.nat(60) })
  .map(({ cutMs, backMs, ...at }) => [
    { ...at, kind: "cut" as const, waitMs: 0 },
    { ...at, kind: "write" as const, waitMs: cutMs },
    { ...at, kind: "heal" as const, waitMs: backMs },
  ]);
const single = fc.oneof(
  { weight: 20, arbitrary: of("read", 3) },
  { weight: 5, arbitrary: of("write", 3) },
  { weight: 2, arbitrary: of("flush", 3) },
  { weight: 1, arbitrary: of("cut", 30) },
  { weight: 2, arbitrary: of("heal", 60) },
);
const steps = fc
  .array(fc.oneof({ weight: 12, arbitrary: single.map((step) => [step]) }, { weight: 2, arbitrary: flap }), {
    minLength: 20,
    maxLength: 120,
  })
  .map((parts) => parts.flat());

describe("kept answers of several gateways", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const server = await startRedis();

  test("a read after an acknowledged write sees it", async (t) => {
    const pods = [createPod(server.url), createPod(server.url)];
    t.after(async () => {
      for (const { stamps, redis } of pods) {
        await stamps.stop();
        await redis.stop();
      }
    });
    // The database, and what of it has been acknowledged.
    const stored: Record<Chat, number> = { a: 0, b: 0 };
    const acknowledged: Record<Chat, number> = { a: 0, b: 0 };
    let hits = 0;
    let stale: string[] = [];

    const read = async (at: number, chat: Chat) => {
      const floor = acknowledged[chat];
      const { body, status } = await pods[at]!.cache.answer({
        key: `alice /${chat}`,
        tags: () => ({ access: [tags.members(chat)], content: [tags.chat(chat)] }),
        load: async () => {
          await delay(1);
          const seen = stored[chat];
          await delay(1);
          return String(seen);
        },
      });
      if (status.includes("hit")) hits += 1;
      if (Number(body.toString()) < floor)
        stale.push(`read ${body}, but ${floor} was acknowledged (${status})`);
    };
    const write = async (at: number, chat: Chat) => {
      await delay(1);
      stored[chat] += 1;
      const value = stored[chat];
      await pods[at]!.stamps.change([tags.chat(chat)]);
      acknowledged[chat] = Math.max(acknowledged[chat], value);
    };

    const canRead = async (at: number) => (await pods[at]!.stamps.read(["a:x"])) !== undefined;
    // A pod that the other has not heard of cannot be waited for: one that can read has given a sign of life.
    for (const [reader, writer] of [
      [0, 1],
      [1, 0],
    ] as const) {
      for (const pod of [reader, writer]) await until("stamps can be read", () => canRead(pod));
      pods[writer]!.redis.cut();
      await until("the pod is missed", async () => !(await canRead(reader)));
      pods[writer]!.redis.heal();
    }

    const neverStale = fc.asyncProperty(steps, async (steps) => {
      for (const { redis } of pods) redis.heal();
      await until("stamps can be read", () => canRead(1));
      stale = [];
      const underWay: Promise<unknown>[] = [];
      for (const { kind, pod, chat, waitMs } of steps) {
        if (kind === "read") underWay.push(read(pod, chat));
        else if (kind === "write") underWay.push(write(pod, chat));
        else if (kind === "flush") underWay.push(server.command("FLUSHALL"));
        else if (kind === "cut") pods[pod]!.redis.cut();
        else pods[pod]!.redis.heal();
        if (waitMs > 0) await delay(waitMs);
      }
      await Promise.all(underWay);
      assert.deepEqual(stale, []);
    });
    // Chance and the machine decide how many reads are hits. Too few would say nothing; mostly there are a hundred at once.
    for (let rounds = 0; rounds < 5 && hits <= 50; rounds++) {
      await fc.assert(neverStale, { numRuns: 40, endOnFailure: true });
    }
    assert.ok(hits > 50, `${hits} hits`);
  });
});
