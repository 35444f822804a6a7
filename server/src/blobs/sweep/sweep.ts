/** Deletes bytes that nobody needs: one pod at a time, now and then. Whatever fails is tried again in the next run. */
import { countGarbage } from "#blobs/store-sweep.ts";
import { sweepGarbage } from "#blobs/sweep/sweep-garbage.ts";
import type { SweepOptions } from "#blobs/sweep/sweep-options.ts";
import { sweepOrphans } from "#blobs/sweep/sweep-orphans.ts";
import { toPublicError } from "#platform/errors.ts";
import { exclusively } from "#platform/exclusively.ts";
import { createPeriodic, type Periodic } from "#platform/periodic.ts";

const everyMs = 60_000;
/** Any fixed number will do; it must only be the same in all pods. */
const lockId = 7_270_901_343;

export function createSweeper(options: SweepOptions): Periodic {
  return createPeriodic({
    everyMs,
    run: (signal) => sweep(options, signal),
    onError: (error) => options.log.warn({ err: error }, "the sweep of blobs did not get through"),
  });
}

/** Does nothing while another pod does it. */
export async function sweep(options: SweepOptions, signal: AbortSignal): Promise<void> {
  const { database, chores, metrics } = options;
  try {
    await exclusively(database, lockId, async () => {
      for (const chore of chores) await chore(signal);
      await sweepGarbage(options, signal);
      await sweepOrphans(options, signal);
    });
    metrics.garbageWaiting(await countGarbage(database));
    metrics.ended("");
  } catch (error) {
    metrics.ended(toPublicError(error).code);
    throw error;
  }
}
