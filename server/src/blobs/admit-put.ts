/** What can be refused before any bytes are read. */
import type { BlobParts } from "#blobs/parts.ts";
import { holds } from "#blobs/put-condition.ts";
import { findBlobRow, readUsage } from "#blobs/store-blobs.ts";
import type { Put } from "#blobs/store-puts.ts";
import { fault } from "#platform/errors.ts";

/** Up to this size the look-up costs more than reading bytes in vain; the commit refuses as well. */
const notWorthLookingBytes = 262_144;

/** size: undefined: not known. */
export async function admitPut(
  { config, database }: Pick<BlobParts, "config" | "database">,
  { ownerId, key, condition }: Pick<Put, "ownerId" | "key" | "condition">,
  size: number | undefined,
): Promise<void> {
  if (size !== undefined && size > config.PARLEY_BLOB_MAX_BYTES) throw fault("too-large");
  if (size !== undefined && size <= notWorthLookingBytes) return;
  const [present, usage] = await Promise.all([
    findBlobRow(database, ownerId, key),
    readUsage(database, ownerId),
  ]);
  if (!holds(condition, present?.sha256.toString("hex"))) throw fault("precondition-failed");
  // What is replaced may give its bytes back.
  const refund = present?.object.size ?? 0;
  if (usage.bytes - refund + (size ?? 0) > config.PARLEY_BLOB_QUOTA_BYTES && (size ?? 0) >= refund)
    throw fault("quota-exceeded");
}
