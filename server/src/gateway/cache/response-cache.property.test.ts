/**
 * Two gateways and two writers on one real Redis: whatever comes in whatever order, a read that begins after a write
 * was acknowledged sees it. Meanwhile Redis is emptied, and pods are cut off from it one by one.
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
const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant("read" as const), pod, chat, waitMs: fc.nat(3) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("write" as const), pod, chat, waitMs: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("flush" as const), pod, chat, waitMs: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), pod, chat, waitMs: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("heal" as const), pod, chat, waitMs: fc.nat(60) }) },
);

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
    const told = { hits: 0, others: 0 };

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
      if (status.includes("hit")) told.hits += 1;
      else told.others += 1;
      assert.ok(Number(body.toString()) >= floor, `read ${body}, but ${floor} was acknowledged (${status})`);
    };
    const write = async (at: number, chat: Chat) => {
      await delay(1);
      stored[chat] += 1;
      const value = stored[chat];
      await pods[at]!.stamps.change([tags.chat(chat)]);
      acknowledged[chat] = Math.max(acknowledged[chat], value);
    };

    // Not while a pod is cut off: Redis would forget that there is a pod to wait for.
    const flush = async () => {
      if (pods.every(({ redis }) => redis.isReady)) await server.command("FLUSHALL");
    };

    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
        for (const { redis } of pods) redis.heal();
        await until("stamps can be read", async () => (await pods[1]!.stamps.read(["a:x"])) !== undefined);
        const underWay: Promise<unknown>[] = [];
        for (const { kind, pod, chat, waitMs } of steps) {
          if (kind === "read") underWay.push(read(pod, chat));
          else if (kind === "write") underWay.push(write(pod, chat));
          else if (kind === "flush") underWay.push(flush());
          else if (kind === "cut") pods[pod]!.redis.cut();
          else pods[pod]!.redis.heal();
          if (waitMs > 0) await delay(waitMs);
        }
        await Promise.all(underWay);
      }),
      { numRuns: 25, endOnFailure: true },
    );
    assert.ok(told.hits > 50, `${told.hits} hits: otherwise this says nothing`);
  });
});
