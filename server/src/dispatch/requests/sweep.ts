/** Removes outcomes whose time is over. */
import type { OwnershipStore } from "#dispatch/requests/store-ownership.ts";
import type { Log } from "#platform/log.ts";

export interface Sweeper {
  start(): void;
  /** Lets a run that is under way finish. */
  stop(): Promise<void>;
}

const everyMs = 60_000;
const rowsPerStatement = 1_000;
/** So many as thousands of requests a second leave between two runs. */
const statementsPerRun = 1_000;

export function createSweeper(store: OwnershipStore, retentionMs: number, log: Log): Sweeper {
  let timer: NodeJS.Timeout | undefined;
  let run: Promise<void> = Promise.resolve();
  let isStopped = false;

  const schedule = () => {
    if (isStopped) return;
    timer = setTimeout(() => {
      run = sweep(store, retentionMs, () => isStopped)
        .catch((error) => log.error({ err: error }, "sweep failed"))
        .then(schedule);
    }, everyMs);
    timer.unref();
  };
  return {
    start: schedule,
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await run;
    },
  };
}

/** One run; bounded. */
export async function sweep(
  store: Pick<OwnershipStore, "sweep" | "sweepProcesses">,
  retentionMs: number,
  isStopped = () => false,
): Promise<void> {
  for (let left = statementsPerRun; left > 0 && !isStopped(); left--) {
    if ((await store.sweep(retentionMs, rowsPerStatement)) < rowsPerStatement) break;
  }
  await store.sweepProcesses();
}
