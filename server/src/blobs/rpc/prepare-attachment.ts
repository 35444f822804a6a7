import type { HandlerContext } from "@connectrpc/connect";
import type {
  PrepareAttachmentRequest,
  PrepareAttachmentResponse,
  Thumbnail,
} from "@parley/api/internal/blobs";
import { thumbnailType } from "#blobs/attachments/picture.ts";
import { prepare } from "#blobs/attachments/prepare.ts";
import { etagOf } from "#blobs/etag.ts";
import type { BlobParts } from "#blobs/parts.ts";
import type { HeldThumbnail } from "#blobs/store-attachments.ts";
import { fault } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";

export function prepareAttachment(parts: BlobParts) {
  return async (
    { attachmentId }: PrepareAttachmentRequest,
    { signal }: HandlerContext,
  ): Promise<PrepareAttachmentResponse> => {
    const prepared = isUuid(attachmentId) ? await prepare(parts, attachmentId, signal) : undefined;
    if (!prepared) throw fault("attachment-not-found");
    const { width, height, thumbnail } = prepared;
    return {
      $typeName: "parley.internal.v1.PrepareAttachmentResponse",
      width,
      height,
      ...(thumbnail ? { thumbnail: toThumbnail(thumbnail) } : {}),
    };
  };
}

const toThumbnail = ({ objectId, size, sha256 }: HeldThumbnail): Thumbnail => ({
  $typeName: "parley.internal.v1.Thumbnail",
  objectId,
  size,
  contentType: thumbnailType,
  etag: etagOf(sha256),
});
