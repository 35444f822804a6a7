/** Removes the counts of days that are over. */
import type { AllowanceStore } from "#dispatch/allowance/store-allowances.ts";
import type { Log } from "#platform/log.ts";
import { createPeriodic, type Periodic } from "#platform/periodic.ts";

const everyMs = 600_000;
const rowsPerStatement = 1_000;
const statementsPerRun = 1_000;

export const createAllowanceSweeper = (store: Pick<AllowanceStore, "sweep">, log: Log): Periodic =>
  createPeriodic({
    everyMs,
    run: (signal) => sweepAllowances(store, () => signal.aborted),
    onError: (error) => log.error({ err: error }, "sweep of allowances failed"),
  });

/** One run; bounded. */
export async function sweepAllowances(
  store: Pick<AllowanceStore, "sweep">,
  isStopped = () => false,
): Promise<void> {
  for (let left = statementsPerRun; left > 0 && !isStopped(); left--) {
    if ((await store.sweep(rowsPerStatement)) < rowsPerStatement) return;
  }
}
