import { stat } from "node:fs/promises";
import { join } from "node:path";
import { openDataDir, readOrCreateSecret } from "./data-dir.ts";
import { lockDataDir } from "./data-dir-lock.ts";
import { locateBinaries } from "./embedded-postgres/binaries.ts";
import { ensureCluster, ROLE, resetPassword } from "./embedded-postgres/cluster.ts";
import { clearLeftovers, readPostmasterFile } from "./embedded-postgres/leftovers.ts";
import { clusterNameOf } from "./embedded-postgres/processes.ts";
import { chooseRunner } from "./embedded-postgres/program-runner.ts";
import { SOCKET_PORT } from "./embedded-postgres/settings.ts";
import { createSocketDir } from "./embedded-postgres/socket-dir.ts";
import { PostgresSupervisor, type SupervisorLog } from "./embedded-postgres/supervisor.ts";

const PASSWORD_FILE = "postgres-password";
const PASSWORD_BYTES = 24;
const READY_TIMEOUT_MS = 120_000;

export interface EmbeddedPostgresOptions {
  /** Parley's data directory; the cluster is its `postgres`. Created when missing. */
  dataDir: string;
  log: SupervisorLog;
  /** Gives up the start. Afterwards use `stop()`. */
  signal?: AbortSignal | undefined;
  /** Called whenever PostgreSQL has ended without being asked to. It is being restarted then, and pools reconnect by themselves. */
  onExit?: ((reason: string) => void) | undefined;
}

export interface EmbeddedPostgres {
  /** For `pg` and libpq. It stays the same for as long as this process runs, restarts of PostgreSQL included. */
  readonly connectionString: string;
  /** Ends PostgreSQL, also one that is just being restarted, and frees the data directory. May be called more than once. */
  stop(): Promise<void>;
}

/**
 * Runs Parley's own PostgreSQL, for when no DATABASE_URL is given, and resolves when it answers queries.
 *
 * @throws {DataDirInUseError} when another live Parley uses the data directory
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = await openDataDir(options.dataDir);
  const lock = lockDataDir(dataDir);
  try {
    const supervisor = await startSupervised(dataDir, options);
    let stopped: Promise<void> | undefined;
    return {
      connectionString: supervisor.connectionString,
      stop() {
        stopped ??= supervisor.stop().finally(() => lock.release());
        return stopped;
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The connection string of the one that another Parley runs on the data directory; undefined when none does. */
export async function findRunningPostgres(dataDir: string): Promise<string | undefined> {
  const running = await readPostmasterFile(join(dataDir, "postgres"));
  if (!running?.ready) return undefined;
  return connectionStringFor(
    running.socketDir,
    await readOrCreateSecret(dataDir, PASSWORD_FILE, PASSWORD_BYTES),
  );
}

async function startSupervised(dataDir: string, options: EmbeddedPostgresOptions) {
  const { log, signal, onExit } = options;
  const startedAtMs = performance.now();
  const cluster = await prepareCluster(dataDir, options);
  const { clusterDir, runner, password, created } = cluster;
  const socketDir = await createSocketDir(clusterDir, runner.account);
  const connectionString = connectionStringFor(socketDir.path, password);
  const supervisor = new PostgresSupervisor({
    ...cluster,
    socketDir: socketDir.path,
    connectionString,
    logPath: join(dataDir, "postgres.log"),
    readyTimeoutMs: READY_TIMEOUT_MS,
    log,
    onExit,
  });
  try {
    await supervisor.start(signal);
  } catch (error) {
    await socketDir.remove();
    throw error;
  }
  log.info(
    { clusterDir, created, tookMs: Math.round(performance.now() - startedAtMs) },
    "PostgreSQL is ready",
  );
  return {
    connectionString,
    async stop() {
      await supervisor.stop();
      await socketDir.remove();
    },
  };
}

async function prepareCluster(dataDir: string, { log, signal }: EmbeddedPostgresOptions) {
  const clusterDir = join(dataDir, "postgres");
  const clusterName = await clusterNameOf(dataDir);
  const binaries = locateBinaries();
  const runner = await chooseRunner({ binaries, dataDir, clusterDir });
  const hadPassword = await stat(join(dataDir, PASSWORD_FILE)).then(
    () => true,
    () => false,
  );
  const password = await readOrCreateSecret(dataDir, PASSWORD_FILE, PASSWORD_BYTES);
  const options = { clusterDir, binaries, runner, password, signal };
  const created = await ensureCluster(options);
  if (!created && !hadPassword) {
    log.warn({ clusterDir }, "the password of PostgreSQL's role was lost; setting a new one");
    // Single-user mode wants the cluster for itself, so an orphan has to go first.
    await clearLeftovers({ clusterDir, clusterName, socketDir: "" });
    await resetPassword(options);
  }
  return { clusterDir, clusterName, binaries, runner, password, created };
}

function connectionStringFor(socketDir: string, password: string): string {
  // Port and sslmode are spelt out because PGPORT and PGSSLMODE would otherwise be taken from the caller's environment.
  const parameters = `host=${encodeURIComponent(socketDir)}&port=${SOCKET_PORT}&sslmode=disable`;
  // The host parameter is what counts; without a host before it, this would not be a URL to the platform's own parser.
  return `postgresql://${ROLE}:${password}@localhost/${ROLE}?${parameters}`;
}
