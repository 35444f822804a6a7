/** The database for a command that works on it, whether or not a Parley is running on it just now. */
import { openStorage, type Storage } from "#app/storage.ts";
import type { Config } from "#config/config.ts";
import { DataDirInUseError } from "#platform/data-dir-lock.ts";
import { createDatabase, type Database } from "#platform/database.ts";
import { findRunningPostgres } from "#platform/embedded-postgres.ts";
import type { Log } from "#platform/log.ts";

export interface OpenedDatabase {
  database: Database;
  close(): Promise<void>;
}

export interface OpenDatabaseOptions {
  config: Config;
  log: Log;
  /** Shown in pg_stat_activity. */
  applicationName: string;
  maxConnections: number;
  signal?: AbortSignal;
}

export async function openDatabase(options: OpenDatabaseOptions): Promise<OpenedDatabase> {
  const { config, log, applicationName, maxConnections } = options;
  const timeoutMs = config.database.PARLEY_DATABASE_TIMEOUT_MS;
  const storage = await openOrJoin(options);
  const database = createDatabase(
    {
      connectionString: storage.databaseUrl,
      maxConnections,
      acquireTimeoutMs: timeoutMs,
      statementTimeoutMs: timeoutMs,
      applicationName,
    },
    log,
  );
  return {
    database,
    async close() {
      await database.close();
      await storage.stop();
    },
  };
}

/** The built-in PostgreSQL belongs to the Parley that runs it; beside that, one is its guest. */
async function openOrJoin({
  config,
  log,
  signal,
}: OpenDatabaseOptions): Promise<Pick<Storage, "databaseUrl" | "stop">> {
  try {
    return await openStorage(config, log, signal);
  } catch (error) {
    const running = error instanceof DataDirInUseError && (await findRunningPostgres(config.dataDir));
    if (!running) throw error;
    return { databaseUrl: running, stop: async () => {} };
  }
}
