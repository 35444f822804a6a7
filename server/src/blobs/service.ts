/** Blobs: binary data by key, and what messages are sent with. Built by app/, reached by its RPCs only. */
import { join } from "node:path";
import { BlobInternalService } from "@parley/api/internal/blobs";
import { BlobService } from "@parley/api/v2/blob";
import type { BlobConfig } from "#blobs/config.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import type { Service } from "#platform/service.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface BlobsOptions {
  config: BlobConfig;
  /** Where this machine keeps what it keeps. */
  dataDir: string;
  database: Database;
  /** The cluster's: names of objects begin with the hour in which they were written. */
  clock: Clock;
  telemetry: Telemetry;
  log: Log;
}

export const migrationsFolder = join(import.meta.dirname, "migrations");

export function createBlobs(options: BlobsOptions): Service {
  const { database, log } = options;
  return {
    name: "blobs",
    routes(router) {
      router.service(BlobService, {});
      router.service(BlobInternalService, {});
    },
    async start() {
      await migrate(database, "blobs", migrationsFolder, log);
    },
    async stop() {},
  };
}
