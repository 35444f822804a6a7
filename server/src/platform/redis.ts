/**
 * The connection to Redis (7 or newer) or Valkey, one server or a cluster. It carries only what may be lost, so nothing
 * here waits for long: a command that cannot be answered now is refused now, and the caller does without.
 */
import { createHash } from "node:crypto";
import { RedisConnection } from "#platform/redis/connection.ts";
import type { OpenRedis, RedisOptions, RedisScript } from "#platform/redis/contract.ts";

export type { OpenRedis, Redis, RedisOptions, RedisScript } from "#platform/redis/contract.ts";
export type { RedisArgument } from "#platform/redis/node-link.ts";
export { RedisAwayError, RedisRefusedError } from "#platform/redis/redis-errors.ts";

export function redisScript(source: string): RedisScript {
  return { source, sha1: createHash("sha1").update(source).digest("hex") };
}

/** Connects in the background, and again for as long as it takes; onReady tells when it is there. */
export function openRedis(options: RedisOptions): OpenRedis {
  return new RedisConnection(options);
}
