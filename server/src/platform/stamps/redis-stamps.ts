/** The stamps of many pods, in Redis. What they promise in which failure: docs/decisions/0022-response-cache.md. */
import { randomUUID } from "node:crypto";
import type { Log } from "#platform/log.ts";
import { type Redis, RedisAwayError, redisScript } from "#platform/redis.ts";
import { bucketOf, buckets, generationKey, stampKey } from "#platform/stamps/stamp-keys.ts";
import { createStampLease, type StampLeaseOptions } from "#platform/stamps/stamp-lease.ts";
import type { Stamps } from "#platform/stamps/stamps.ts";

export interface RedisStamps extends Stamps {
  start(): void;
  /** After everything that changes stamps has stopped. Never throws. */
  stop(): Promise<void>;
}

export interface RedisStampsOptions
  extends Partial<Pick<StampLeaseOptions, "leaseMs" | "settleMs" | "forgetMs">> {
  redis: Redis;
  log: Log;
  /** Whether services of this process change stamps: then others rely on hearing from it. */
  writes: boolean;
}

/** As long as a copy may be kept at the most. A stamp that is gone is made anew, different from all before. */
const stampLifeMs = 3_600_000;

const away = new RedisAwayError("no connection to Redis");

const changeAll = redisScript(
  "for _, key in ipairs(KEYS) do redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end return 1",
);

export function createRedisStamps(options: RedisStampsOptions): RedisStamps {
  const { redis } = options;
  const pod = randomUUID();
  let last = 0;
  /** Never the same twice, whatever Redis forgets. */
  const fresh = () => `${pod}.${++last}`;

  const renewGeneration = async () => {
    const stamp = fresh();
    const keys = Array.from({ length: buckets }, (_, bucket) => generationKey(bucket));
    await Promise.all(keys.map((key) => redis.command(key, ["SET", key, stamp])));
  };
  const lease = createStampLease({ ...options, pod, renewGeneration });

  /** Whoever comes first makes the stamp. */
  const make = async (key: string): Promise<string> => {
    const stamp = fresh();
    const args = ["SET", key, stamp, "NX", "GET", "PX", String(stampLifeMs)];
    return ((await redis.command(key, args)) as string | null) ?? stamp;
  };
  const readBucket = async (bucket: number, bucketTags: readonly string[]): Promise<string[]> => {
    const keys = [...bucketTags.map(stampKey), generationKey(bucket)];
    const found = (await redis.command(keys[0]!, ["MGET", ...keys])) as (string | null)[];
    return Promise.all(found.map((stamp, index) => stamp ?? make(keys[index]!)));
  };

  return {
    start: () => lease.start(),
    stop: () => lease.stop(),
    async read(tags) {
      if (!lease.isTrusted) return undefined;
      try {
        const parts = await Promise.all(byBucket(tags, (bucket, part) => readBucket(bucket, part)));
        // Looked at again: a pod that was cut off meanwhile waits no longer than the lease.
        return lease.isTrusted ? inOrder(tags, parts) : undefined;
      } catch (error) {
        lease.lost(error);
        return undefined;
      }
    },
    async change(tags) {
      if (tags.length === 0) return;
      if (!lease.isLinked) {
        lease.lost(away);
        return lease.lapse();
      }
      try {
        const stamp = fresh();
        await Promise.all(
          byBucket(tags, (_bucket, part) => {
            const keys = part.map(stampKey) as [string, ...string[]];
            return redis.run(changeAll, keys, [stamp, String(stampLifeMs)]);
          }),
        );
      } catch (error) {
        lease.lost(error);
        await lease.lapse();
      }
    },
  };
}

/** Calls for each bucket with its tags, which keep their order. */
function byBucket<T>(tags: readonly string[], call: (bucket: number, part: string[]) => T): T[] {
  const parts = new Map<number, string[]>();
  for (const tag of tags) {
    const bucket = bucketOf(tag);
    const part = parts.get(bucket);
    if (part) part.push(tag);
    else parts.set(bucket, [tag]);
  }
  return [...parts].map(([bucket, part]) => call(bucket, part));
}

/** Each part is the stamps of one bucket's tags and its generation, the parts in the order of byBucket. */
function inOrder(tags: readonly string[], parts: string[][]): string[] {
  if (parts.length === 1) return parts[0]!;
  const places = byBucket(tags, (bucket) => bucket);
  const next = parts.map(() => 0);
  const stamps = tags.map((tag) => {
    const part = places.indexOf(bucketOf(tag));
    return parts[part]![next[part]!++]!;
  });
  return [...stamps, parts.map((part) => part.at(-1)).join()];
}
