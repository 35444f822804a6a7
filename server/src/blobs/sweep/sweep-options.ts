/** What the parts of the sweep work on. */
import type { BlobConfig } from "#blobs/config.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import type { SweepMetrics } from "#blobs/sweep/sweep-metrics.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database, Queryable } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";

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
