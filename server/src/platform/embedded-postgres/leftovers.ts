import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { findClusterProcesses, isForeignServer, sendSignal } from "./processes.ts";
import { shutDown, waitUntil } from "./shutdown.ts";
import { isOwnShortDir, socketFileName } from "./socket-dir.ts";

/** How long children are given to notice by themselves that their server process has died. */
const CHILDREN_NOTICE_MS = 500;
const CHILDREN_KILL_MS = 5_000;

export interface PostmasterFile {
  /** Undefined when the file does not start with one: a full disk leaves an empty file. */
  readonly pid: number | undefined;
  readonly socketDir: string;
  readonly ready: boolean;
}

export interface RunningCluster {
  readonly clusterDir: string;
  readonly clusterName: string;
  /** Where its socket lies or is about to. */
  readonly socketDir: string;
}

/** Reads what a running server says about itself in its `postmaster.pid`; undefined when there is none or not yet a whole one. */
export async function readPostmasterFile(clusterDir: string): Promise<PostmasterFile | undefined> {
  const content = await readFile(join(clusterDir, "postmaster.pid"), "utf8").catch(() => undefined);
  if (content === undefined) return undefined;
  const lines = content.split("\n");
  const pid = Number(lines[0]);
  const isPid = Number.isSafeInteger(pid) && pid > 0;
  return {
    pid: isPid ? pid : undefined,
    socketDir: lines[4] ?? "",
    ready: lines[7]?.trim() === "ready",
  };
}

/**
 * Clears away what an earlier run left when it was killed. The caller holds the lock of the data directory, so a PostgreSQL on it has lost its Parley.
 *
 * Such an orphan is stopped and not adopted: a fast shutdown takes a fraction of a second, and afterwards the server runs with this release's
 * binaries, settings and socket, as our child whose end we are told about.
 *
 * @returns what was found, for the log
 */
export async function clearLeftovers(cluster: RunningCluster): Promise<string | undefined> {
  const { clusterDir, clusterName } = cluster;
  const file = await readPostmasterFile(clusterDir);
  if (!file) return undefined;

  const { postmaster } = await findClusterProcesses(clusterName);
  let found = "a stale postmaster.pid";
  if (postmaster !== undefined) {
    const hasEnded = async () => (await findClusterProcesses(clusterName)).postmaster !== postmaster;
    found = `an orphaned PostgreSQL (pid ${postmaster}, ${await shutDown(postmaster, hasEnded)} shutdown)`;
  }
  await endOrphanedChildren(clusterName);
  await removeStaleFiles(cluster, file);
  return found;
}

/** Children outlive a killed server process while they are busy, and a new one does not start beside them. */
async function endOrphanedChildren(clusterName: string): Promise<void> {
  const allGone = async () => (await findClusterProcesses(clusterName)).children.length === 0;
  if (await waitUntil(allGone, CHILDREN_NOTICE_MS)) return;
  // Their shared memory dies with them, so by force is as safe as any other way: the WAL has what was committed.
  for (const pid of (await findClusterProcesses(clusterName)).children) sendSignal(pid, "SIGKILL");
  if (!(await waitUntil(allGone, CHILDREN_KILL_MS)))
    throw new Error("Processes of an earlier PostgreSQL do not end.");
}

/**
 * PostgreSQL removes the files of a dead server itself, unless the pid in them has come to be another process of the same user, as it
 * often does in a container: then it takes that one for a server and does not start.
 */
async function removeStaleFiles(cluster: RunningCluster, file: PostmasterFile): Promise<void> {
  if (isOwnShortDir(file.socketDir) && file.socketDir !== cluster.socketDir) {
    await rm(file.socketDir, { recursive: true, force: true });
  }
  const isFree = file.pid !== undefined && !sendSignal(file.pid, 0);
  if (isFree) return;
  if (file.pid !== undefined && (await isForeignServer(file.pid))) {
    throw new Error(
      `A PostgreSQL that Parley has not started (pid ${file.pid}) seems to run on ${cluster.clusterDir}. Stop it; ` +
        "or, if it is another one altogether, delete postmaster.pid there.",
    );
  }
  await rm(join(cluster.clusterDir, "postmaster.pid"), { force: true });
  await rm(join(file.socketDir, `${socketFileName}.lock`), { force: true });
}
