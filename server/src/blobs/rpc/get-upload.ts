import type { HandlerContext } from "@connectrpc/connect";
import type { GetUploadRequest } from "@parley/api/internal/blobs";
import { callerOf } from "#blobs/input.ts";
import { requireUpload } from "#blobs/uploads/require-upload.ts";
import type { UploadParts } from "#blobs/uploads/upload-parts.ts";
import { uploadView } from "#blobs/uploads/upload-view.ts";

export function getUpload(parts: UploadParts) {
  return async ({ id }: GetUploadRequest, context: HandlerContext) => {
    const ownerId = callerOf(context).userId;
    return { upload: uploadView(await requireUpload(parts, { id, ownerId, isDirect: false })) };
  };
}
