/**
 * The buckets that all pods share, in Redis and by the clock of Redis. When Redis does not answer soon, nobody is kept
 * waiting: each pod then enforces the whole limit by itself, and looks now and then whether Redis is back.
 */
import type { RateLimit } from "#gateway/throttle/rate-limit.ts";
import type { Log } from "#platform/log.ts";
import { createLogInterval } from "#platform/log-interval.ts";
import { type Redis, redisScript } from "#platform/redis.ts";

export interface Grant {
  /** As many as were asked for, or fewer. */
  granted: number;
  /** For so long the bucket will not be full. */
  fillMs: number;
}

export interface SharedBuckets {
  /** Whether asking makes sense: Redis answered when last asked. */
  isUsable(): boolean;
  /** Takes up to so many, or gives back (below zero). Undefined: no answer in time. Never rejects. */
  take(key: string, limit: RateLimit, count: number): Promise<Grant | undefined>;
  /** A note that lasts so long; lost with Redis. Never rejects. */
  remember(key: string, forMs: number): Promise<void>;
  remembers(key: string): Promise<boolean>;
}

export interface SharedBucketsOptions {
  redis: Redis;
  log: Log;
  /** By any clock that only goes forward. */
  nowMs: () => number;
  timeoutMs?: number;
  onAway?: () => void;
}

/** ARGV: interval and burst, how many. Answers how many were granted, and when it is full, in microseconds. */
const takeScript = redisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst, count = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full = tonumber(redis.call('GET', KEYS[1]) or '') or now
full = math.min(math.max(full, now), now + burst * interval)
local room = math.floor((now + burst * interval - full) / interval + 1e-6)
local granted = math.min(count, room)
full = math.max(now, full + granted * interval)
if full > now then
  redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
else
  redis.call('DEL', KEYS[1])
end
return {granted, math.ceil(full - now)}
`);

const retryMs = 1_000;
const logEveryMs = 60_000;
const keyOf = (key: string) => `parley:throttle:{${key}}`;

export function createSharedBuckets(options: SharedBucketsOptions): SharedBuckets {
  const { redis, log, nowMs, timeoutMs = 50, onAway = () => {} } = options;
  let isAway = false;
  let isProbing = false;
  let retryAtMs = 0;
  const isTimeToLog = createLogInterval(logEveryMs, nowMs);
  let isAwayLogged = false;

  function away() {
    retryAtMs = nowMs() + retryMs;
    if (isAway) return;
    isAway = true;
    onAway();
    if (!isTimeToLog()) return;
    isAwayLogged = true;
    log.warn("rate limits: no Redis, each pod enforces the whole limit by itself");
  }

  function back() {
    isAway = false;
    if (!isAwayLogged) return;
    isAwayLogged = false;
    log.info("rate limits: shared by all pods again");
  }

  async function answerOf<T>(asking: Promise<T>): Promise<T | undefined> {
    const askedAtMs = nowMs();
    try {
      const answer = await asking;
      // One that is always late is as good as none: nobody shall wait for it again and again.
      if (nowMs() - askedAtMs <= timeoutMs) back();
      return answer;
    } catch {
      away();
      return undefined;
    }
  }

  function probe() {
    if (isProbing || !redis.isReady || nowMs() < retryAtMs) return;
    isProbing = true;
    void answerOf(redis.command(keyOf("probe"), ["PING"])).finally(() => {
      isProbing = false;
    });
  }

  function isUsable(): boolean {
    if (!isAway && redis.isReady) return true;
    if (!isAway) away();
    probe();
    return false;
  }

  async function ask<T>(asking: () => Promise<T>): Promise<T | undefined> {
    if (!isUsable()) return undefined;
    return within(answerOf(asking()), timeoutMs, away);
  }

  return {
    isUsable,
    async take(key, { intervalMs, burst }, count) {
      const args = [String(intervalMs * 1_000), String(burst), String(count)];
      const answer = (await ask(() => redis.run(takeScript, [keyOf(key)], args))) as number[] | undefined;
      return answer && { granted: answer[0]!, fillMs: answer[1]! / 1_000 };
    },
    async remember(key, forMs) {
      await ask(() => redis.command(keyOf(key), ["SET", keyOf(key), "1", "PX", String(forMs)]));
    },
    async remembers(key) {
      return (await ask(() => redis.command(keyOf(key), ["EXISTS", keyOf(key)]))) === 1;
    },
  };
}

/** Undefined when it takes longer. What has arrived while this process was busy counts as in time. */
function within<T>(answer: Promise<T>, timeoutMs: number, onLate: () => void): Promise<T | undefined> {
  return new Promise((resolve) => {
    let isSettled = false;
    const timer = setTimeout(() => {
      setImmediate(() => {
        if (isSettled) return;
        onLate();
        resolve(undefined);
      });
    }, timeoutMs);
    void answer.then((value) => {
      isSettled = true;
      clearTimeout(timer);
      resolve(value);
    });
  });
}
