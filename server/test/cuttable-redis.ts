/** A connection to Redis that can be cut for one pod alone, while the others keep theirs. */
import { type Redis, RedisAwayError } from "#platform/redis.ts";

export interface CuttableRedis extends Redis {
  cut(): void;
  heal(): void;
}

export function cuttable(redis: Redis): CuttableRedis {
  let isCut = false;
  const listeners = new Set<() => void>();
  const orAway = async <T>(send: () => Promise<T>): Promise<T> => {
    if (isCut) throw new RedisAwayError("cut by the test");
    const answer = await send();
    if (isCut) throw new RedisAwayError("cut by the test");
    return answer;
  };
  return {
    get isReady() {
      return redis.isReady && !isCut;
    },
    command: (key, args) => orAway(() => redis.command(key, args)),
    run: (script, keys, args) => orAway(() => redis.run(script, keys, args)),
    publish: (channel, payload) => orAway(() => redis.publish(channel, payload)),
    subscribe: (channel, listener) => redis.subscribe(channel, listener),
    onReady(listener) {
      listeners.add(listener);
      const forget = redis.onReady(listener);
      return () => {
        listeners.delete(listener);
        forget();
      };
    },
    stop: () => redis.stop(),
    cut() {
      isCut = true;
    },
    heal() {
      isCut = false;
      for (const listener of listeners) listener();
    },
  };
}
