/** The database for a command that works beside a running Parley as well as without one, and that makes none. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { openStorage } from "#app/storage.ts";
import type { Config } from "#config/config.ts";
import { DataDirInUseError } from "#platform/data-dir-lock.ts";
import { createDatabase, type Database } from "#platform/database.ts";
import { findRunningPostgres } from "#platform/embedded-postgres.ts";
import type { Log } from "#platform/log.ts";

export async function withExistingDatabase<T>(
  config: Config,
  log: Log,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const { url, stop } = await openExisting(config, log);
  const timeoutMs = config.database.PARLEY_DATABASE_TIMEOUT_MS;
  const database = createDatabase(
    {
      connectionString: url,
      maxConnections: 1,
      acquireTimeoutMs: timeoutMs,
      statementTimeoutMs: timeoutMs,
      applicationName: "parley-command",
    },
    log,
  );
  try {
    return await work(database);
  } finally {
    await database.close();
    await stop();
  }
}

async function openExisting(config: Config, log: Log): Promise<{ url: string; stop(): Promise<void> }> {
  const { dataDir } = config;
  if (!config.database.DATABASE_URL && !(await stat(join(dataDir, "postgres")).catch(() => undefined))) {
    throw new Error(`there is no database in ${dataDir} yet: is PARLEY_DATA_DIR or DATABASE_URL missing?`);
  }
  try {
    const storage = await openStorage(config, log);
    return { url: storage.databaseUrl, stop: () => storage.stop() };
  } catch (error) {
    const url = error instanceof DataDirInUseError ? await findRunningPostgres(dataDir) : undefined;
    if (!url) throw error;
    return { url, stop: async () => {} };
  }
}
