/** Removes outcomes whose time is over. */
import type { OwnershipStore } from "#dispatch/requests/store-ownership.ts";
import type { Log } from "#platform/log.ts";
import { createPeriodic, type Periodic } from "#platform/periodic.ts";

const everyMs = 60_000;
const rowsPerStatement = 1_000;
/** So many as thousands of requests a second leave between two runs. */
const statementsPerRun = 1_000;

export const createSweeper = (store: OwnershipStore, retentionMs: number, log: Log): Periodic =>
  createPeriodic({
    everyMs,
    run: (signal) => sweep(store, retentionMs, () => signal.aborted),
    onError: (error) => log.error({ err: error }, "sweep failed"),
  });

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
