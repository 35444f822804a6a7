/** Puts the cache of a gateway together. */
import { createCacheMetrics } from "#gateway/cache/cache-metrics.ts";
import { createMemoryTier } from "#gateway/cache/memory-tier.ts";
import { createResponseCache } from "#gateway/cache/response-cache.ts";
import type { RestCache } from "#gateway/cache/rest-caching.ts";
import { createSharedTier, noSharedTier } from "#gateway/cache/shared-tier.ts";
import type { GatewayConfig } from "#gateway/config.ts";
import type { Clock } from "#platform/clock.ts";
import type { Redis } from "#platform/redis.ts";
import type { Stamps } from "#platform/stamps/stamps.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface RestCacheOptions {
  config: GatewayConfig;
  stamps: Stamps;
  redis: Redis | undefined;
  clock: Clock;
  telemetry: Telemetry;
}

export function createRestCache({ config, stamps, redis, clock, telemetry }: RestCacheOptions): RestCache {
  const metrics = createCacheMetrics(telemetry.meter);
  const ttlMs = config.PARLEY_CACHE_TTL_MS;
  const staleMs = config.PARLEY_CACHE_STALE_MS;
  const answers = createResponseCache({
    stamps,
    memory: createMemoryTier(config.PARLEY_CACHE_MAX_BYTES, metrics),
    shared: redis ? createSharedTier({ redis, clock, lifeMs: Math.max(ttlMs, staleMs) }) : noSharedTier,
    clock,
    metrics,
    ttlMs,
    staleMs,
  });
  return { answers, metrics };
}
