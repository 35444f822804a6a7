/** `parley migrate`: the schema of every service, without starting any. */
import { openStorage } from "#app/storage.ts";
import { migrationsFolder as blobMigrations } from "#blobs/service.ts";
import type { Config } from "#config/config.ts";
import { migrationsFolder as dispatchMigrations } from "#dispatch/service.ts";
import { migrationsFolder as identityMigrations } from "#identity/service.ts";
import { migrationsFolder as messengerMigrations } from "#messenger/service.ts";
import { createDatabase } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import { migrationsFolder as searchMigrations } from "#search/service.ts";

export async function runMigrations(config: Config, log: Log): Promise<void> {
  const storage = await openStorage(config, log);
  const database = createDatabase(
    {
      connectionString: storage.databaseUrl,
      maxConnections: 1,
      acquireTimeoutMs: config.database.PARLEY_DATABASE_TIMEOUT_MS,
      statementTimeoutMs: config.database.PARLEY_DATABASE_TIMEOUT_MS,
      applicationName: "parley-migrate",
    },
    log,
  );
  try {
    await migrate(database, "identity", identityMigrations, log);
    await migrate(database, "messenger", messengerMigrations, log);
    await migrate(database, "dispatch", dispatchMigrations, log);
    await migrate(database, "search", searchMigrations, log);
    await migrate(database, "blobs", blobMigrations, log);
  } finally {
    await database.close();
    await storage.stop();
  }
}
