import type { BlobConfig } from "#blobs/config.ts";
import { changeUsage, lockUsage, openUploads } from "#blobs/store-uploads.ts";
import type { Queryable } from "#platform/database.ts";
import { fault } from "#platform/errors.ts";

const maxOpenUploads = 100;

/** Rejects with "too-large" what no blob may be. */
export function requireFit(size: number, { PARLEY_BLOB_MAX_BYTES: maxBytes }: BlobConfig): void {
  if (size <= maxBytes) return;
  throw fault("too-large", { detail: `A blob may have at most ${maxBytes} bytes` });
}

/**
 * Makes bytes count for a user ahead of the blob that they are for, so that an upload that was begun is not refused at
 * its end. Locks the user's usage until the end of the transaction.
 */
export async function reserve(
  tx: Queryable,
  { ownerId, bytes, config }: { ownerId: string; bytes: number; config: BlobConfig },
): Promise<void> {
  const used = await lockUsage(tx, ownerId);
  if (bytes > 0 && used + bytes > config.PARLEY_BLOB_QUOTA_BYTES) throw fault("quota-exceeded");
  if (bytes !== 0) await changeUsage(tx, ownerId, bytes);
}

/** Under the lock of reserve(). */
export async function requirePlace(tx: Queryable, ownerId: string): Promise<void> {
  if ((await openUploads(tx, ownerId)) < maxOpenUploads) return;
  throw fault("quota-exceeded", {
    detail: `${maxOpenUploads} of your uploads are unfinished, which is as many as may be: finish or delete some`,
  });
}
