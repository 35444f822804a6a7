/** Uploads whose time is over: unfinished ones with what they have received, finished ones with what is known of them. */

import { expiredUploads, lockUsage, removeUpload } from "#blobs/store-uploads.ts";
import type { Database } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";
import { createPeriodic, type Periodic } from "#platform/periodic.ts";

const batch = 100;
const everyMs = 60_000;

export function createUploadSweep(database: Database, log: Log): Periodic {
  return createPeriodic({
    everyMs,
    run: async (signal) => void (await sweepUploads(database, signal)),
    onError: (error) => log.warn({ err: error }, "uploads whose time is over could not be swept"),
  });
}

/** To be called now and then, by any pod: several at once do no harm. Resolves to how many were looked at. */
export async function sweepUploads(database: Database, signal: AbortSignal): Promise<number> {
  let swept = 0;
  for (;;) {
    const expired = await expiredUploads(database, batch);
    for (const { id, ownerId } of expired) {
      if (signal.aborted) return swept;
      await database.transaction(async (tx) => {
        await lockUsage(tx, ownerId);
        await removeUpload(tx, id, { isExpiredOnly: true });
      });
      swept += 1;
    }
    if (expired.length < batch) return swept;
  }
}
