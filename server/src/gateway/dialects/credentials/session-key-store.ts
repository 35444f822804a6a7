/** Where the gateway keeps who a session key stands for: by the key's hash, for a while, and only as a copy. */
import type { Caller } from "#gateway/call.ts";
import type { Clock } from "#platform/clock.ts";
import { createLruCache } from "#platform/lru-cache.ts";
import type { Redis } from "#platform/redis.ts";

/** Nothing of it ever rejects. */
export interface SessionKeyStore {
  get(keyHash: string): Promise<Caller | undefined>;
  set(keyHash: string, caller: Caller, lifeMs: number): void;
  delete(keyHash: string): Promise<void>;
}

const maxSessions = 20_000;

export function createMemoryKeyStore(clock: Clock): SessionKeyStore {
  const entries = createLruCache<string, { caller: Caller; endsAtMs: number }>(maxSessions);
  return {
    async get(keyHash) {
      const entry = entries.get(keyHash);
      if (entry && clock.now() < entry.endsAtMs) return entry.caller;
      entries.delete(keyHash);
      return undefined;
    },
    set: (keyHash, caller, lifeMs) => entries.set(keyHash, { caller, endsAtMs: clock.now() + lifeMs }),
    delete: async (keyHash) => entries.delete(keyHash),
  };
}

/** Shared by all gateways. With Redis away nothing is kept, and identity is asked. */
export function createRedisKeyStore(redis: Redis): SessionKeyStore {
  const place = (keyHash: string) => `parley:session-key:{${keyHash}}`;
  return {
    async get(keyHash) {
      const at = place(keyHash);
      const text = await redis.command(at, ["GET", at]).catch(() => null);
      return typeof text === "string" ? decode(text) : undefined;
    },
    set(keyHash, caller, lifeMs) {
      if (!redis.isReady) return;
      const at = place(keyHash);
      const value = JSON.stringify(caller);
      redis.command(at, ["SET", at, value, "PX", String(Math.ceil(lifeMs))]).catch(() => {});
    },
    async delete(keyHash) {
      const at = place(keyHash);
      await redis.command(at, ["DEL", at]).catch(() => {});
    },
  };
}

function decode(text: string): Caller | undefined {
  try {
    const { userId, sessionId, roles, tokenExpiresAt } = JSON.parse(text);
    return { userId, sessionId, roles, tokenExpiresAt };
  } catch {
    return undefined;
  }
}
