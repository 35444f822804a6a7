import type {
  AttachBlobsRequest,
  AttachBlobsResponse,
  AttachedBlob,
  BlobToAttach,
} from "@parley/api/internal/blobs";
import { etagOf } from "#blobs/etag.ts";
import { keyBytes } from "#blobs/key.ts";
import type { BlobParts } from "#blobs/parts.ts";
import { type Attach, type AttachedObject, storeAttachments } from "#blobs/store-attachments.ts";
import { invalidInput } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";

const maxBlobs = 1_000;

export function attachBlobs({ database }: BlobParts) {
  return async ({ blobs }: AttachBlobsRequest): Promise<AttachBlobsResponse> => {
    if (blobs.length > maxBlobs) throw invalidInput("blobs", `must hold at most ${maxBlobs} items`);
    const attached = await storeAttachments(database, blobs.map(toAttach));
    return { $typeName: "parley.internal.v1.AttachBlobsResponse", blobs: attached.map(toAttached) };
  };
}

function toAttach({ attachmentId, ownerId, key }: BlobToAttach, index: number): Attach {
  const field = `blobs[${index}]`;
  if (!isUuid(attachmentId)) throw invalidInput(`${field}.attachmentId`, "must be a UUID");
  if (!isUuid(ownerId)) throw invalidInput(`${field}.ownerId`, "must be a UUID");
  return { id: attachmentId, ownerId, key: keyBytes(key, `${field}.key`) };
}

const $typeName = "parley.internal.v1.AttachedBlob";

const toAttached = (object: AttachedObject | undefined): AttachedBlob =>
  object
    ? {
        $typeName,
        errorCode: "",
        objectId: object.objectId,
        size: object.size,
        contentType: object.contentType,
        etag: etagOf(object.sha256),
      }
    : { $typeName, errorCode: "blob-not-found", objectId: "", size: 0, contentType: "", etag: "" };
