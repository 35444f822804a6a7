/**
 * The presence registry in Redis. `parley:presence:{pods}` has the gateways that live, by the time at which each last
 * said so; `parley:presence:{<user>}` has the gateways on which a user is. A gateway that falls silent drops out of the
 * first, and with it all of its users, whatever the second still says. All times are Redis's own.
 */
import { type Redis, redisScript } from "#platform/redis.ts";

/** Renewed long before by the gateways that live, see pod-users.ts. */
const userTtlSeconds = 7_200;

const podsKey = "parley:presence:{pods}";
const userKey = (userId: string) => `parley:presence:{${userId}}`;

// What lies in the future was written before the server's clock was set back.
const heartbeatScript = redisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - lease)
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + lease, '+inf')
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], lease)
return {known and 1 or 0, redis.call('ZRANGE', KEYS[1], 0, -1)}
`);

const enterScript = redisScript(`
local added = redis.call('SADD', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return added
`);

export interface Heartbeat {
  /** Whether the registry still had this gateway; if not, it may have lost everything. */
  wasKnown: boolean;
  pods: ReadonlySet<string>;
}

/** All reject when Redis is away. */
export interface PresenceRegistry {
  heartbeat(podId: string): Promise<Heartbeat>;
  /** Answers whether that was new. */
  enter(userId: string, podId: string): Promise<boolean>;
  leave(userId: string, podIds: readonly string[]): Promise<boolean>;
  podsOf(userId: string): Promise<string[]>;
}

/** A gateway that has not been heard of for the length of the lease is dead. */
export function createPresenceRegistry(redis: Redis, leaseMs: number): PresenceRegistry {
  return {
    async heartbeat(podId) {
      const answer = await redis.run(heartbeatScript, [podsKey], [podId, String(leaseMs)]);
      const [known, pods] = answer as [number, string[]];
      return { wasKnown: known === 1, pods: new Set(pods) };
    },
    async enter(userId, podId) {
      return (await redis.run(enterScript, [userKey(userId)], [podId, String(userTtlSeconds)])) === 1;
    },
    async leave(userId, podIds) {
      return Number(await redis.command(userKey(userId), ["SREM", userKey(userId), ...podIds])) > 0;
    },
    async podsOf(userId) {
      return (await redis.command(userKey(userId), ["SMEMBERS", userKey(userId)])) as string[];
    },
  };
}
