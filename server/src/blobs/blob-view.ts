/** Blobs as the contract has them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { StoredBlobSchema } from "@parley/api/internal/blobs";
import type { BlobSchema } from "@parley/api/v2/blob";
import { etagOf } from "#blobs/etag.ts";
import { keyOfBytes } from "#blobs/key.ts";
import type { BlobRow } from "#blobs/store-blobs.ts";

export type BlobInit = MessageInitShape<typeof BlobSchema>;
export type StoredBlobInit = MessageInitShape<typeof StoredBlobSchema>;

type Viewed = Omit<BlobRow, "metadata"> & { metadata: Record<string, string> | null | undefined };

export function blobView({ key, object, contentType, sha256, metadata, updatedAtMs }: Viewed) {
  return {
    key: keyOfBytes(key),
    size: object.size,
    contentType,
    etag: etagOf(sha256),
    metadata: metadata ?? {},
    updatedAt: timestampFromMs(updatedAtMs),
  } satisfies BlobInit;
}

export function storedBlobView(row: Viewed) {
  return { blob: blobView(row), objectId: row.object.id } satisfies StoredBlobInit;
}
