/** Search: messages found at once, and in the background. Built by app/, reached by its RPCs only. */
import { join } from "node:path";
import { SearchService } from "@parley/api/v2/search";
import type { Bus } from "#platform/bus.ts";
import type { Database } from "#platform/database.ts";
import type { Jobs } from "#platform/jobs/jobs.ts";
import type { Log } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import type { Periodic } from "#platform/periodic.ts";
import type { Redis } from "#platform/redis.ts";
import type { Service } from "#platform/service.ts";
import type { Telemetry } from "#platform/telemetry.ts";
import type { SearchClients } from "#search/clients.ts";
import type { SearchConfig } from "#search/config.ts";
import type { SearchParts } from "#search/parts.ts";
import { createResults } from "#search/results/create-results.ts";
import { createSearchTask } from "#search/rpc/create-search-task.ts";
import { deleteSearchTask } from "#search/rpc/delete-search-task.ts";
import { getSearchTask } from "#search/rpc/get-search-task.ts";
import { listSearchResults } from "#search/rpc/list-search-results.ts";
import { search } from "#search/rpc/search.ts";
import { createSearchMetrics } from "#search/search-metrics.ts";
import { announceEnd } from "#search/tasks/announce.ts";
import { createTasks } from "#search/tasks/create-tasks.ts";
import { runTask } from "#search/tasks/run-task.ts";
import { createSweeper } from "#search/tasks/sweep.ts";
import { createTaskQueues } from "#search/tasks/task-queues.ts";

export interface SearchOptions {
  config: SearchConfig;
  database: Database;
  /** Where results are kept; undefined: in the database. */
  redis: Redis | undefined;
  /** Of the same database. */
  jobs: Jobs;
  clients: SearchClients;
  bus: Bus;
  log: Log;
  telemetry: Telemetry;
}

export const migrationsFolder = join(import.meta.dirname, "migrations");
const drainDeadlineMs = 6_000;

export function createSearch(options: SearchOptions): Service {
  const { database, jobs, log } = options;
  const { parts, sweeper } = createParts(options);
  return {
    name: "search",
    routes(router) {
      router.service(SearchService, {
        search: search(parts),
        createSearchTask: createSearchTask(parts),
        getSearchTask: getSearchTask(parts),
        listSearchResults: listSearchResults(parts),
        deleteSearchTask: deleteSearchTask(parts),
      });
    },
    async start() {
      await migrate(database, "search", migrationsFolder, log);
      await jobs.start();
      sweeper.start();
    },
    async stop() {
      await sweeper.stop();
      await jobs.stop(drainDeadlineMs);
    },
  };
}

function createParts(options: SearchOptions): { parts: SearchParts; sweeper: Periodic } {
  const { config, database, redis, jobs, clients, bus, log, telemetry } = options;
  const metrics = createSearchMetrics(telemetry);
  const results = createResults({ database, redis, expiryMs: config.PARLEY_SEARCH_TASK_EXPIRY_MS, log });
  const queues = createTaskQueues(jobs, config, {
    run: (job, signal) => runTask({ config, clients, tasks, results, metrics, log }, job, signal),
    expire: ({ data }) => tasks.expire(data.taskId, data.attempt),
  });
  const tasks = createTasks({
    config,
    database,
    results,
    queues,
    onEnd: (task) => announceEnd(bus, task),
  });
  const { inspection } = jobs;
  const sweeper = createSweeper({ config, database, tasks, results, queues, inspection, metrics }, log);
  return { parts: { config, clients, metrics, tasks, results }, sweeper };
}
