/** The database and the secret that everything stands on: the ones given, or Parley's own in the data directory. */
import type { Config } from "#config/config.ts";
import { readOrCreateSecret } from "#platform/data-dir.ts";
import { startEmbeddedPostgres } from "#platform/embedded-postgres.ts";
import type { Log } from "#platform/log.ts";

export interface Storage {
  readonly databaseUrl: string;
  /** 32 bytes or more; none where only identity, which runs elsewhere, has it. */
  readonly secretKey: Uint8Array;
  stop(): Promise<void>;
}

export async function openStorage(config: Config, log: Log, signal?: AbortSignal): Promise<Storage> {
  const databaseUrl = config.database.DATABASE_URL;
  const given = config.general.PARLEY_SECRET_KEY;
  if (databaseUrl) {
    return { databaseUrl, secretKey: Buffer.from(given ?? "", "base64"), stop: async () => {} };
  }
  const postgres = await startEmbeddedPostgres({
    dataDir: config.dataDir,
    log,
    ...(signal ? { signal } : {}),
  });
  try {
    const secret = given ?? (await readOrCreateSecret(config.dataDir, "secret-key", 32));
    return {
      databaseUrl: postgres.connectionString,
      secretKey: Buffer.from(secret, "base64"),
      stop: () => postgres.stop(),
    };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}
