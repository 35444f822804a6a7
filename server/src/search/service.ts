/** Search: messages found at once, and in the background. Built by app/, reached by its RPCs only. */
import { join } from "node:path";
import { SearchService } from "@parley/api/v2/search";
import type { Bus } from "#platform/bus.ts";
import type { Database } from "#platform/database.ts";
import type { Jobs } from "#platform/jobs/jobs.ts";
import type { Log } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import type { Redis } from "#platform/redis.ts";
import type { Service } from "#platform/service.ts";
import type { Telemetry } from "#platform/telemetry.ts";
import type { SearchClients } from "#search/clients.ts";
import type { SearchConfig } from "#search/config.ts";
import type { SearchParts } from "#search/parts.ts";
import { search } from "#search/rpc/search.ts";
import { createSearchMetrics } from "#search/search-metrics.ts";

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
  const { database, jobs, log, telemetry } = options;
  const parts: SearchParts = { ...options, metrics: createSearchMetrics(telemetry) };
  return {
    name: "search",
    routes(router) {
      router.service(SearchService, {
        search: search(parts),
      });
    },
    async start() {
      await migrate(database, "search", migrationsFolder, log);
      await jobs.start();
    },
    async stop() {
      await jobs.stop(drainDeadlineMs);
    },
  };
}
