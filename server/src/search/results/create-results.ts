/** In Redis where there is one, which carries only what may be lost; in the database without, and while it is away. */
import type { Database } from "#platform/database.ts";
import { fault } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";
import type { Redis } from "#platform/redis.ts";
import { createDatabaseResults } from "#search/results/database-results.ts";
import { createRedisResults } from "#search/results/redis-results.ts";
import type { Results } from "#search/results/results.ts";

export interface ResultsOptions {
  database: Database;
  redis: Redis | undefined;
  /** How long a task is kept after its end. */
  expiryMs: number;
  log: Log;
}

/** Between the writing of results and the end of their task, and between that and its removal. */
const marginMs = 60_000;
const awayRetryMs = 1_000;

export function createResults({ database, redis, expiryMs, log }: ResultsOptions): Results {
  const inDatabase = createDatabaseResults(database);
  const inRedis = redis && createRedisResults(redis, expiryMs + marginMs);
  return {
    async write(key, messageIds) {
      if (messageIds.length === 0) return "";
      // Those of a repeated attempt may have been lost before: not once more.
      if (inRedis && key.attempt === 1) {
        try {
          await inRedis.write(key, messageIds);
          return "redis";
        } catch (error) {
          log.debug({ err: error }, "results go to the database, as Redis does not take them");
        }
      }
      await inDatabase.write(key, messageIds);
      return "database";
    },
    async read(task, from, to) {
      if (from >= to) return [];
      if (task.resultsIn === "database") return await inDatabase.read(task, from, to);
      try {
        return await inRedis?.read(task, from, to);
      } catch (cause) {
        throw fault("search-unavailable", { cause, retryAfterMs: awayRetryMs });
      }
    },
    async remove(task) {
      if (task.resultsIn === "") return;
      const store = task.resultsIn === "redis" ? inRedis : inDatabase;
      await store?.remove(task, task.resultCount).catch(() => {});
    },
  };
}
