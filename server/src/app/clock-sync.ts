/** Keeps the clock of a process that has a database at the database's time. */
import { type Database, readDatabaseTime } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";
import type { SharedClock } from "#platform/shared-clock.ts";

const everyMs = 30_000;

export interface ClockSync {
  /** Resolves once the clock is right, or the database could not be asked. */
  start(): Promise<void>;
  stop(): void;
}

export function createClockSync(clock: SharedClock, database: Database, log: Log): ClockSync {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const sync = async () => {
    const startedAtMs = performance.now();
    try {
      clock.adopt(await readDatabaseTime(database), performance.now() - startedAtMs);
    } catch (error) {
      log.debug({ err: error }, "the database did not tell the time");
    }
    if (!isStopped) timer = setTimeout(sync, everyMs).unref();
  };
  return {
    start: sync,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
