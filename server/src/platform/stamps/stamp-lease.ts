/**
 * Whether stamps can be trusted. A pod that is cut off from Redis still stores messages, and its changes reach no stamp;
 * so the others must stop trusting stamps before it answers its first caller. Each writing pod gives a sign of life ten
 * times a second. A reader trusts the stamps for as long as the oldest sign of life is younger than the lease; a writer
 * that cannot change a stamp waits until its own last one must be older. All ages are by the clock of Redis, and
 * rounded to the safe side; no two clocks need to agree, only to run equally fast.
 */
import { randomUUID } from "node:crypto";
import type { Log } from "#platform/log.ts";
import type { Redis } from "#platform/redis.ts";
import { writersKey } from "#platform/stamps/stamp-keys.ts";
import { createStampWriters, epochField } from "#platform/stamps/stamp-writers.ts";

export interface StampLeaseOptions {
  redis: Redis;
  log: Log;
  /** Names this pod among the writers. */
  pod: string;
  writes: boolean;
  /** Makes every copy in every cache out of date. Rejects when it is not certain to have done so. */
  renewGeneration(): Promise<void>;
  /** How long a sign of life counts. */
  leaseMs?: number;
  /** How long stamps are not trusted after the connection is back: the others come back in that time. */
  settleMs?: number;
  /** A pod that was not heard of for so long has ended without saying so. */
  forgetMs?: number;
}

export interface StampLease {
  /** Whether a stamp that was read just now can be believed. */
  readonly isTrusted: boolean;
  /** False: Redis is away as far as is known; changes are not even tried. */
  readonly isLinked: boolean;
  /** A command failed: changes may have gone unnoticed. */
  lost(error: unknown): void;
  /** Resolves once no reader trusts the stamps any longer on account of this pod's signs of life. */
  lapse(): Promise<void>;
  start(): void;
  stop(): Promise<void>;
}

const marginMs = 5;

export function createStampLease(options: StampLeaseOptions): StampLease {
  const { redis, log, pod, writes, renewGeneration } = options;
  const { leaseMs = 500, settleMs = 5_000, forgetMs = 30_000 } = options;
  const nowMs = () => performance.now();
  // "renewing": stamps are changed again, but what was not changed before is yet to be made up for.
  let link: "away" | "renewing" | "ready" = "away";
  let losses = 0;
  let trustedUntilMs = 0;
  let settledAtMs = 0;
  const writers = createStampWriters({ forgetMs });
  /** From then on no reader counts on this pod's last sign of life. */
  let lapsedAtMs = 0;
  let lapsing: { readonly untilMs: number; readonly done: Promise<void> } | undefined;

  const lost = (error: unknown) => {
    losses += 1;
    trustedUntilMs = 0;
    if (link === "ready")
      log.warn({ err: error }, "the stamps of the cache are out of reach: going on without");
    link = "away";
  };
  const forgetReady = redis.onReady(() => lost(new Error("the connection to Redis was made anew")));

  async function renew() {
    const lossesBefore = losses;
    link = "renewing";
    await renewGeneration();
    if (losses !== lossesBefore) return;
    link = "ready";
    settledAtMs = nowMs() + settleMs;
    log.info("the stamps of the cache are in reach");
  }

  async function beat() {
    const lossesBefore = losses;
    const redisNowMs = await redisTime(redis);
    // Whoever waits for the lease to lapse since a loss must not be overtaken by one more sign of life.
    if (losses !== lossesBefore) return;
    lapsedAtMs = nowMs() + leaseMs;
    await redis.command(writersKey, ["HSET", writersKey, pod, String(redisNowMs)]);
  }

  async function listen() {
    const askedAtMs = nowMs();
    const [redisNowMs, , found] = await Promise.all([
      redisTime(redis),
      redis.command(writersKey, ["HSETNX", writersKey, epochField, randomUUID()]),
      redis.command(writersKey, ["HGETALL", writersKey]) as Promise<string[]>,
    ]);
    // No writer at all: Redis has just been emptied, and they are about to be heard of again.
    const { oldestMs = leaseMs, ended } = writers.hear(found, redisNowMs);
    if (ended.length > 0) await redis.command(writersKey, ["HDEL", writersKey, ...ended]);
    trustedUntilMs = askedAtMs + Math.min(leaseMs, leaseMs - oldestMs);
  }

  async function tick() {
    if (!redis.isReady) {
      if (link !== "away") lost(new Error("no connection to Redis"));
      return;
    }
    const lossesBefore = losses;
    if (link === "away") {
      // Only when Redis answers are changes tried again: while it hangs, each would wait.
      await redisTime(redis);
      await renew();
    }
    if (link === "ready" && writes) await beat();
    if (link === "ready") await listen();
    if (losses !== lossesBefore) trustedUntilMs = 0;
  }

  const stopped = new AbortController();
  let loop: Promise<void> | undefined;
  const run = async () => {
    while (!stopped.signal.aborted) {
      await tick().catch(lost);
      await pause(leaseMs / 5, stopped.signal);
    }
  };

  return {
    get isTrusted() {
      const now = nowMs();
      return link === "ready" && redis.isReady && now < trustedUntilMs && now >= settledAtMs;
    },
    get isLinked() {
      return link !== "away" && redis.isReady;
    },
    lost,
    lapse() {
      const untilMs = lapsedAtMs + marginMs;
      const restMs = untilMs - nowMs();
      if (restMs <= 0) return Promise.resolve();
      // Shared only by those who wait for the same sign of life: there may have been another one meanwhile.
      if (lapsing?.untilMs !== untilMs) lapsing = { untilMs, done: pause(restMs) };
      return lapsing.done;
    },
    start() {
      loop ??= run();
    },
    async stop() {
      stopped.abort();
      forgetReady();
      await loop;
      if (writes && redis.isReady) await redis.command(writersKey, ["HDEL", writersKey, pod]).catch(() => {});
    },
  };
}

/** Milliseconds since 1970 by the clock of Redis, rounded down; marginMs makes up for it. */
async function redisTime(redis: Redis): Promise<number> {
  const [seconds, micros] = (await redis.command(writersKey, ["TIME"])) as [string, string];
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}
