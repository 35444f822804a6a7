import { randomUUID } from "node:crypto";
import { chown, lchown, mkdir, open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncDirectory } from "../data-dir.ts";
import type { Account } from "../unprivileged-account.ts";
import type { PostgresBinaries } from "./binaries.ts";
import { type ProgramRunner, runProgram } from "./program-runner.ts";

/** The role Parley connects as, and the database it owns. */
export const ROLE = "parley";

export interface ClusterOptions {
  readonly clusterDir: string;
  readonly binaries: PostgresBinaries;
  readonly runner: ProgramRunner;
  readonly password: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes sure that `clusterDir` holds a complete cluster that belongs to the account PostgreSQL runs as.
 *
 * A new one is made beside its place and renamed when it is complete and on disk: `clusterDir` is never half a cluster.
 *
 * @returns whether it was created
 */
export async function ensureCluster(options: ClusterOptions): Promise<boolean> {
  const { clusterDir, runner } = options;
  await removeUnfinished(clusterDir);
  if (await exists(join(clusterDir, "PG_VERSION"))) {
    if (runner.account) await handOver(clusterDir, runner.account);
    return false;
  }
  const content = await readdir(clusterDir).catch(() => []);
  if (content.length > 0) {
    throw new Error(
      `${clusterDir} is not empty and not a PostgreSQL cluster. Move it away to let Parley start afresh.`,
    );
  }
  await createCluster(options);
  return true;
}

/** Gives the role a new password, without needing the old one. The cluster must not be running. */
export async function resetPassword(options: ClusterOptions): Promise<void> {
  await runSql(options, options.clusterDir, `ALTER ROLE ${ROLE} PASSWORD '${options.password}';\n`);
}

async function createCluster(options: ClusterOptions): Promise<void> {
  const { clusterDir, runner } = options;
  const unfinishedDir = `${unfinishedPrefix(clusterDir)}${randomUUID()}`;
  try {
    await mkdir(unfinishedDir, { mode: 0o700 });
    if (runner.account) await chown(unfinishedDir, runner.account.uid, runner.account.gid);
    await initialise(options, unfinishedDir);
    await setUpAccess(options, unfinishedDir);
    await rename(unfinishedDir, clusterDir);
    await syncDirectory(dirname(clusterDir));
  } catch (error) {
    await rm(unfinishedDir, { recursive: true, force: true, maxRetries: 5 });
    throw error;
  }
}

async function initialise(options: ClusterOptions, clusterDir: string): Promise<void> {
  const { runner, binaries, signal } = options;
  const failures: string[] = [];
  for (const ctype of ["C.UTF-8", "en_US.UTF-8"]) {
    const { code, output } = await runProgram(
      runner,
      binaries.initdb,
      [
        `--pgdata=${clusterDir}`,
        "--username=postgres",
        "--auth=reject",
        "--encoding=UTF8",
        // PostgreSQL's own collation: indexes stay valid whatever libc the next release of the system brings.
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        // pg_trgm still asks libc what a letter is: with C it finds no trigram in a word that is not ASCII.
        `--lc-ctype=${ctype}`,
        "--text-search-config=simple",
        "--data-checksums",
      ],
      { signal },
    );
    if (code === 0) return;
    failures.push(output);
    if (!output.includes("invalid locale name")) break;
  }
  throw new Error(`PostgreSQL's initdb failed:\n${failures.join("\n")}`);
}

/**
 * Only Parley's role may log in, only with its password and only to its own database (and to those it creates, in tests).
 * It is no superuser: a superuser could run programs through SQL.
 */
async function setUpAccess(options: ClusterOptions, clusterDir: string): Promise<void> {
  await writeFile(join(clusterDir, "pg_hba.conf"), `local all ${ROLE} scram-sha-256\n`, { flush: true });
  await runSql(
    options,
    clusterDir,
    [
      `CREATE ROLE ${ROLE} LOGIN CREATEDB PASSWORD '${options.password}';`,
      `GRANT pg_monitor TO ${ROLE};`,
      `CREATE DATABASE ${ROLE} OWNER ${ROLE};`,
      "",
    ].join("\n"),
  );
}

/** Single-user mode: no socket, no password, one statement a line. */
async function runSql(options: ClusterOptions, clusterDir: string, sql: string): Promise<void> {
  const { code, output } = await runProgram(
    options.runner,
    options.binaries.postgres,
    ["--single", "-D", clusterDir, "-c", "exit_on_error=on", "-c", "log_checkpoints=off", "template1"],
    { input: sql, signal: options.signal },
  );
  if (code !== 0) throw new Error(`PostgreSQL could not be set up (exit code ${code}):\n${output}`);
}

/** What an interrupted start left. Its initdb may even be alive still; it writes where nobody looks. */
async function removeUnfinished(clusterDir: string): Promise<void> {
  const prefix = unfinishedPrefix(clusterDir);
  const parent = dirname(clusterDir);
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    if (path.startsWith(prefix)) await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

function unfinishedPrefix(clusterDir: string): string {
  return `${clusterDir}.unfinished-`;
}

/** A cluster that root owns was copied or restored by root. Nothing outside the cluster directory is touched. */
async function handOver(clusterDir: string, account: Account): Promise<void> {
  if ((await stat(clusterDir)).uid !== 0) return;
  for (const entry of await readdir(clusterDir, { recursive: true })) {
    // Not through symbolic links: a tablespace link could point anywhere.
    await lchown(join(clusterDir, entry), account.uid, account.gid);
  }
  // Last, because the owner of the directory itself tells whether this was completed.
  await chown(clusterDir, account.uid, account.gid);
}

async function exists(path: string): Promise<boolean> {
  return await open(path).then(
    async (file) => {
      await file.close();
      return true;
    },
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
}
