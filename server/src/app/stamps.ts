/** Decides whether answers are kept, and where the stamps are that say whether they are still right. */
import type { Config } from "#config/config.ts";
import { includeAService } from "#config/roles.ts";
import type { Log } from "#platform/log.ts";
import type { Redis } from "#platform/redis.ts";
import { createLocalStamps } from "#platform/stamps/local-stamps.ts";
import { createRedisStamps } from "#platform/stamps/redis-stamps.ts";
import type { Stamps } from "#platform/stamps/stamps.ts";

export interface OpenStamps {
  /** Undefined: no answers are kept. */
  readonly stamps: Stamps | undefined;
  /** After the services that change stamps. Never throws. */
  stop(): Promise<void>;
}

export function openStamps(config: Config, redis: Redis | undefined, log: Log): OpenStamps {
  if (!isCacheOn(config)) return { stamps: undefined, stop: async () => {} };
  if (!redis) return { stamps: createLocalStamps(), stop: async () => {} };
  // A pod that ended without saying so is waited for until nothing that it may have left unsaid is kept any more.
  const forgetMs = Math.max(30_000, config.gateway.PARLEY_CACHE_TTL_MS);
  // Only the services change what is kept: a gateway alone that dies has left nothing unsaid.
  const writes = includeAService(config.general.PARLEY_ROLES);
  const stamps = createRedisStamps({ redis, log: log.child({ service: "stamps" }), writes, forgetMs });
  stamps.start();
  return { stamps, stop: () => stamps.stop() };
}

/** Processes that share a database, but no Redis, cannot tell each other what has changed. */
function isCacheOn({ gateway, database, redis }: Config): boolean {
  if (gateway.PARLEY_CACHE !== "auto") return gateway.PARLEY_CACHE === "on";
  return redis.REDIS_URL !== undefined || database.DATABASE_URL === undefined;
}
