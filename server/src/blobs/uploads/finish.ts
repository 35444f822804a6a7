/** The end of an upload: in one transaction it becomes the blob of its key, and what was reserved for it counts as that. */
import type { BlobConfig } from "#blobs/config.ts";
import { type PutObject, storePuts } from "#blobs/store-puts.ts";
import { changeUsage, finishUpload, lockUpload } from "#blobs/store-uploads.ts";
import type { UploadRow } from "#blobs/uploads/upload-row.ts";
import type { Queryable } from "#platform/database.ts";
import { fault } from "#platform/errors.ts";

/** Under the lock of the owner's usage. Undefined: it is not open any more. Rejects as a put does. */
export async function finishAs(
  tx: Queryable,
  config: BlobConfig,
  uploadId: string,
  toObject: (locked: UploadRow) => PutObject,
): Promise<UploadRow | undefined> {
  const locked = await lockUpload(tx, uploadId);
  if (!locked) return undefined;
  const { ownerId, key, contentType, reserved } = locked;
  const object = toObject(locked);
  if (reserved > 0) await changeUsage(tx, ownerId, -reserved);
  const metadata = locked.metadata ?? undefined;
  const put = { ownerId, key, object, contentType, metadata, condition: {} };
  const [outcome] = await storePuts(tx, [put], config.PARLEY_BLOB_QUOTA_BYTES);
  if ("refusal" in outcome!) throw fault(outcome.refusal);
  return await finishUpload(tx, uploadId, {
    atMs: outcome!.updatedAtMs,
    sha256: object.sha256,
    objectId: object.id,
    expiryHours: config.PARLEY_BLOB_UPLOAD_EXPIRY_HOURS,
  });
}
