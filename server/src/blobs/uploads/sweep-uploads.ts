/** Uploads whose time is over: unfinished ones with what they have received, finished ones with what is known of them. */
import { expiredUploads, removeUpload } from "#blobs/store-uploads.ts";
import type { Database } from "#platform/database.ts";

const batch = 100;

/** To be called now and then, by any pod: several at once do no harm. */
export async function sweepUploads(database: Database, signal: AbortSignal): Promise<void> {
  for (;;) {
    const expired = await expiredUploads(database, batch);
    for (const upload of expired) {
      if (signal.aborted) return;
      await removeUpload(database, upload, { isExpiredOnly: true });
    }
    if (expired.length < batch) return;
  }
}
