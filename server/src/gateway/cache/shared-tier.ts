/** The answers that all gateways share, in Redis. What it gives is judged by its stamps like everything else. */
import { hash } from "node:crypto";
import type { AnswerTags } from "#gateway/cache/cacheable.ts";
import { type Entry, etagOf } from "#gateway/cache/entry.ts";
import type { Clock } from "#platform/clock.ts";
import type { Redis } from "#platform/redis.ts";

export interface SharedTier {
  /** Undefined: there is none, or it cannot be had. */
  get(key: string, tags: AnswerTags): Promise<Entry | undefined>;
  /** Never waits and never throws. */
  set(key: string, entry: Entry): void;
}

export interface SharedTierOptions {
  redis: Redis;
  clock: Clock;
  /** Entries are gone after it. */
  lifeMs: number;
}

/** Writes that may be under way; beyond, an answer is not shared. */
const maxWrites = 100;

export const noSharedTier: SharedTier = { get: async () => undefined, set: () => {} };

export function createSharedTier({ redis, clock, lifeMs }: SharedTierOptions): SharedTier {
  let writes = 0;
  const place = (key: string) => `parley:cache:{${hash("sha256", key, "base64url")}}`;
  return {
    async get(key, tags) {
      const at = place(key);
      try {
        // The age is told by how long Redis will still keep it: the clock of whoever stored it may be wrong.
        const [text, restMs] = (await Promise.all([
          redis.command(at, ["GET", at]),
          redis.command(at, ["PTTL", at]),
        ])) as [string | null, number];
        if (text === null || restMs <= 0) return undefined;
        return decode(text, { tags, storedAtMs: clock.now() - Math.max(0, lifeMs - restMs) });
      } catch {
        return undefined;
      }
    },
    set(key, { body, stamps }) {
      if (!redis.isReady || writes >= maxWrites) return;
      writes += 1;
      const at = place(key);
      const value = Buffer.concat([Buffer.from(`${JSON.stringify(stamps)}\n`), body]);
      redis
        .command(at, ["SET", at, value, "PX", String(lifeMs)])
        .catch(() => {})
        .finally(() => {
          writes -= 1;
        });
    },
  };
}

function decode(text: string, known: Pick<Entry, "tags" | "storedAtMs">): Entry | undefined {
  const end = text.indexOf("\n");
  const stamps: unknown = JSON.parse(text.slice(0, end));
  if (!Array.isArray(stamps) || !stamps.every((stamp) => typeof stamp === "string")) return undefined;
  const body = Buffer.from(text.slice(end + 1));
  return { ...known, stamps, body, etag: etagOf(body) };
}
