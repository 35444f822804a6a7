/** Uploads as the contract has them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { UploadSchema } from "@parley/api/internal/blobs";
import { blobView } from "#blobs/blob-view.ts";
import { keyOfBytes } from "#blobs/key.ts";
import type { UploadRow } from "#blobs/uploads/upload-row.ts";

export function uploadView(row: UploadRow) {
  return {
    id: row.id,
    key: keyOfBytes(row.key),
    contentType: row.contentType,
    metadata: row.metadata ?? {},
    ...(row.size === null ? {} : { size: row.size }),
    offset: row.received,
    expiresAt: timestampFromDate(row.expiresAt),
    givenMetadata: row.givenMetadata,
  } satisfies MessageInitShape<typeof UploadSchema>;
}

/** The blob that an upload became, as it was then, whatever has become of its key. Undefined: it is not done. */
export function uploadedBlobView({ key, contentType, metadata, size, sha256, objectId, doneAt }: UploadRow) {
  if (!doneAt || sha256 === null || size === null) return undefined;
  const object = { id: objectId, size, pieces: undefined, spooledBy: undefined };
  const row = { key, contentType, metadata, sha256, object, updatedAtMs: doneAt.getTime() };
  return { blob: blobView(row), objectId };
}
