import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, fstatSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { PostgresBinaries } from "./binaries.ts";
import { readPostmasterFile } from "./leftovers.ts";
import { readLogTail } from "./log-file.ts";
import type { ProgramRunner } from "./program-runner.ts";
import { postgresSettings } from "./settings.ts";
import { shutDown } from "./shutdown.ts";

const POLL_MS = 10;

export interface ServerProcessOptions {
  readonly binaries: PostgresBinaries;
  readonly runner: ProgramRunner;
  readonly clusterDir: string;
  readonly clusterName: string;
  readonly socketDir: string;
  readonly logPath: string;
  readonly connectionString: string;
  /** How long it may take to accept connections; after a crash it first replays up to 1 GB of WAL. */
  readonly readyTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** A PostgreSQL server that accepts connections. */
export interface ServerProcess {
  readonly pid: number;
  /** Resolves when the process has ended, with what is known about why. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

/** Starts the server and waits until it answers a query. When that fails, nothing of it is left running. */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  options.signal.throwIfAborted();
  // Straight into the file: through a pipe, a busy event loop of ours could stall PostgreSQL.
  const log = openSync(options.logPath, "a", 0o600);
  const logStart = fstatSync(log).size;
  const { child, ended } = spawnServer(options, log);
  closeSync(log);
  const server = { pid: child.pid ?? 0, ended, stop: () => stop(child) };
  try {
    await waitUntilReady(options, child);
    options.signal.throwIfAborted();
    return server;
  } catch (error) {
    await server.stop();
    if (options.signal.aborted) throw options.signal.reason;
    const tail = readLogTail(options.logPath, logStart);
    throw new Error(
      `PostgreSQL did not start: ${(error as Error).message}. ${options.logPath} says:\n${tail || "(nothing)"}`,
      { cause: error },
    );
  }
}

function spawnServer(options: ServerProcessOptions, log: number) {
  const serverArguments = ["-D", options.clusterDir, ...postgresSettings(options)];
  const child = options.runner.start(options.binaries.postgres, serverArguments, {
    stdio: ["ignore", log, log],
    // A process group of its own: Ctrl-C in a terminal goes to the whole foreground group, and PostgreSQL must outlive the draining app.
    detached: true,
  });
  // Our process may end without anyone having called stop(), by an uncaught error for one: then PostgreSQL shuts down on its own time.
  const endWithUs = () => child.kill("SIGINT");
  process.on("exit", endWithUs);
  child.once("exit", () => process.off("exit", endWithUs));
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ? `killed by ${signal}` : `exit code ${code}`));
  });
  return { child, ended };
}

async function waitUntilReady(options: ServerProcessOptions, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + options.readyTimeoutMs;
  let failure: Error | undefined;
  child.once("error", (error) => {
    failure = error;
  });
  while (true) {
    options.signal.throwIfAborted();
    if (failure) throw failure;
    if (hasEnded(child)) throw new Error(`it ended (${child.signalCode ?? `exit code ${child.exitCode}`})`);
    const file = await readPostmasterFile(options.clusterDir);
    if (file?.ready && file.pid === child.pid) break;
    if (performance.now() > deadline) throw new Error(`it was not ready after ${options.readyTimeoutMs} ms`);
    await sleep(POLL_MS);
  }
  await answerQuery(options.connectionString, Math.max(1_000, deadline - performance.now()));
}

async function answerQuery(connectionString: string, timeoutMs: number): Promise<void> {
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  });
  // Without a listener an error outside a query would end the process.
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("SELECT 1");
  } finally {
    await client.end();
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) return;
  const exit = once(child, "exit");
  await shutDown(child.pid, () => hasEnded(child));
  await exit;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
