import { findUpload } from "#blobs/store-uploads.ts";
import type { UploadParts } from "#blobs/uploads/upload-parts.ts";
import type { UploadRow } from "#blobs/uploads/upload-row.ts";
import { fault } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";

/** Rejects with "upload-not-found", also for another user's, for one of the other kind, and once its time is over. */
export async function requireUpload(
  { database }: Pick<UploadParts, "database">,
  { id, ownerId, isDirect }: Pick<UploadRow, "id" | "ownerId" | "isDirect">,
): Promise<UploadRow> {
  const upload = isUuid(id) ? await findUpload(database, { id, ownerId, isDirect }) : undefined;
  if (!upload) throw fault("upload-not-found");
  return upload;
}
