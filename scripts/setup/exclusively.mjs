import { closeSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { root, SetupError } from "./run.mjs";

// Not in node_modules, which npm empties.
const lockPath = join(root, ".parley-setup.lock");
const breakingPath = `${lockPath}.breaking`;

const HEARTBEAT_MS = 2_000;
/** A holder that is alive refreshes its lock far more often. */
const STALE_AFTER_MS = 30_000;
const POLL_MS = 200;

/** Does some work while no other setup of this folder does any. */
export async function exclusively(work) {
  let waiting = false;
  while (!create(lockPath)) {
    if (isStale(lockPath)) breakLock();
    else if (!waiting) console.log(`Waiting for another setup of this folder (pid ${readPid(lockPath)})…`);
    waiting = true;
    await sleep(POLL_MS);
  }
  const heartbeat = setInterval(() => touch(lockPath), HEARTBEAT_MS);
  const release = () => rmSync(lockPath, { force: true });
  const interrupted = (signal) => {
    release();
    process.off(signal, interrupted);
    process.kill(process.pid, signal);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, interrupted);
  try {
    await work();
  } finally {
    clearInterval(heartbeat);
    for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, interrupted);
    release();
  }
}

/** Creates the file with our pid in it, unless it exists. */
function create(path) {
  try {
    const file = openSync(path, "wx");
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    if (["EACCES", "EPERM", "EROFS"].includes(error.code)) {
      throw new SetupError(`Parley has to be set up here first, but ${root} is not writable for you.`);
    }
    throw error;
  }
}

/** Under a lock of its own, so that of two waiters the slower one does not break the lock that the faster one has just taken. */
function breakLock() {
  if (!create(breakingPath)) {
    if (isStale(breakingPath)) rmSync(breakingPath, { force: true });
    return;
  }
  if (isStale(lockPath)) rmSync(lockPath, { force: true });
  rmSync(breakingPath, { force: true });
}

function isStale(path) {
  const lock = statSync(path, { throwIfNoEntry: false });
  if (!lock) return false;
  if (Date.now() - lock.mtimeMs > STALE_AFTER_MS) return true;
  const pid = readPid(path);
  return pid > 0 && !isAlive(pid);
}

function readPid(path) {
  try {
    return Number.parseInt(readFileSync(path, "utf8"), 10) || 0;
  } catch {
    return 0;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code !== "ESRCH";
  }
}

function touch(path) {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // Somebody deleted the lock by hand: there is nothing left to refresh.
  }
}
