/** Deletes bytes that nobody needs: one pod at a time, now and then. Whatever fails is tried again in the next run. */
import type { BlobConfig } from "#blobs/config.ts";
import { countGarbage } from "#blobs/store-sweep.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { sweepGarbage } from "#blobs/sweep/sweep-garbage.ts";
import type { SweepMetrics } from "#blobs/sweep/sweep-metrics.ts";
import { sweepOrphans } from "#blobs/sweep/sweep-orphans.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database, Queryable } from "#platform/database.ts";
import { toPublicError } from "#platform/errors.ts";
import { exclusively } from "#platform/exclusively.ts";
import type { Log } from "#platform/log.ts";
import { createPeriodic, type Periodic } from "#platform/periodic.ts";

/** Which of these ids, of objects in the store, something refers to that is not an object yet. */
export type FindReferred = (database: Queryable, ids: readonly string[]) => Promise<readonly string[]>;

export interface SweepOptions {
  config: BlobConfig;
  database: Database;
  store: ObjectStore;
  /** The cluster's. */
  clock: Clock;
  /** Besides objects. */
  referrers: readonly FindReferred[];
  /** What else is to be done now and then by one pod; before the garbage is looked at. */
  chores: ReadonlyArray<(signal: AbortSignal) => Promise<void>>;
  metrics: SweepMetrics;
  log: Log;
}

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
