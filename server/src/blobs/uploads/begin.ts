/** Uploads begin as a row, which counts towards their owner's quota from then on. */
import { randomUUIDv7 } from "node:crypto";
import { addUpload, type NewUpload } from "#blobs/store-uploads.ts";
import { requireFit, requirePlace, reserve } from "#blobs/uploads/quota.ts";
import type { UploadParts } from "#blobs/uploads/upload-parts.ts";
import type { UploadRow } from "#blobs/uploads/upload-row.ts";

/** Rejects with "too-large" and "quota-exceeded". */
export async function beginUpload(
  { config, database, newObjectId }: UploadParts,
  upload: Omit<NewUpload, "id" | "objectId">,
): Promise<UploadRow> {
  const { ownerId, size = 0 } = upload;
  requireFit(size, config);
  return await database.transaction(async (tx) => {
    await reserve(tx, { ownerId, bytes: size, config });
    await requirePlace(tx, ownerId);
    const row = { ...upload, id: randomUUIDv7(), objectId: newObjectId() };
    return await addUpload(tx, row, config.PARLEY_BLOB_UPLOAD_EXPIRY_HOURS);
  });
}
