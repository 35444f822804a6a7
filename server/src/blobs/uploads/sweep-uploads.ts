/** Uploads whose time is over: unfinished ones with what they have received, finished ones with what is known of them. */
import type { Database } from "#platform/database.ts";
import { expiredUploads, lockUsage, removeUpload } from "#blobs/store-uploads.ts";

const batch = 100;

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
