import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** SQLITE_BUSY: another connection holds the lock. */
const SQLITE_BUSY = 5;

export interface DataDirLock {
  release(): void;
}

/** Another live Parley process uses the data directory. */
export class DataDirInUseError extends Error {
  readonly code = "DATA_DIR_IN_USE";
  readonly pid: number | undefined;

  constructor(dataDir: string, pid: number | undefined) {
    const holder = pid === undefined ? "Another Parley process" : `Another Parley process (pid ${pid})`;
    super(
      `${holder} is using the data directory ${dataDir}. Stop it first, or give this one a data directory of its own (PARLEY_DATA_DIR).`,
    );
    this.name = "DataDirInUseError";
    this.pid = pid;
  }
}

/**
 * Makes this process the only Parley on a data directory until `release()` or until it dies, however it dies.
 *
 * The lock is the exclusive lock of an empty SQLite database, that is: an fcntl() lock, the only kind the kernel itself takes
 * back on Linux and macOS and that containers which share a volume see of each other. Node has no call for it but this one.
 * A file with a pid in it would have to guess whether that pid still is Parley. `parley.pid` is therefore only for the message.
 *
 * @throws {DataDirInUseError}
 */
export function lockDataDir(dataDir: string): DataDirLock {
  const pidPath = join(dataDir, "parley.pid");
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(dataDir, "parley.lock"));
    database.exec("PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    writeFileSync(pidPath, `${process.pid}\n`);
  } catch (error) {
    database?.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY)
      throw new DataDirInUseError(dataDir, readPid(pidPath));
    throw new Error(
      `The data directory ${dataDir} cannot be locked (${(error as Error).message}). Is it writable, and does it belong to the user that Parley runs as?`,
      { cause: error },
    );
  }
  return { release: () => release(database, pidPath) };
}

function release(database: DatabaseSync, pidPath: string): void {
  if (!database.isOpen) return;
  rmSync(pidPath, { force: true });
  // The lock file stays: whoever deletes it could delete it under a process that has just locked it.
  database.close();
}

function readPid(path: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(path, "utf8"), 10);
    return Number.isSafeInteger(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}
