/** Parley's own PostgreSQL, run for a local cluster by the process that starts it. */
import { readOrCreateSecret } from "../../server/src/platform/data-dir.ts";
import { startEmbeddedPostgres } from "../../server/src/platform/embedded-postgres.ts";
import { createLog } from "../../server/src/platform/log.ts";

export interface LocalDatabase {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startLocalDatabase(dataDir: string): Promise<LocalDatabase> {
  const postgres = await startEmbeddedPostgres({ dataDir, log: createLog("warn") });
  return { url: postgres.connectionString, stop: () => postgres.stop() };
}

/** Those that outlive the cluster along with its data. */
export async function readClusterSecrets(dataDir: string) {
  return {
    secretKey: await readOrCreateSecret(dataDir, "secret-key", 32),
    serviceToken: await readOrCreateSecret(dataDir, "service-token", 32),
  };
}
