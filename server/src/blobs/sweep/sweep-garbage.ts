import { objectName } from "#blobs/objects/object-name.ts";
import { findGarbage, forgetGarbage } from "#blobs/store-sweep.ts";
import type { SweepOptions } from "#blobs/sweep/sweep-options.ts";

const batchSize = 500;

/** Deletes what has been garbage for long enough: the bytes first, so that no bytes are left that no row knows. */
export async function sweepGarbage(options: SweepOptions, signal: AbortSignal): Promise<void> {
  const { database, store, clock, config, metrics } = options;
  const beforeMs = clock.now() - config.PARLEY_BLOB_GARBAGE_GRACE_MS;
  while (!signal.aborted) {
    const garbage = await findGarbage(database, beforeMs, batchSize);
    if (garbage.length === 0) return;
    await store.delete(garbage.flatMap(({ pieceIds }) => pieceIds.map(objectName)));
    await forgetGarbage(
      database,
      garbage.map(({ id }) => id),
    );
    metrics.swept("garbage", garbage.length);
  }
}
