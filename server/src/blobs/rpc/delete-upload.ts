import type { HandlerContext } from "@connectrpc/connect";
import type { DeleteUploadRequest } from "@parley/api/internal/blobs";
import { callerOf } from "#blobs/input.ts";
import { removeUpload } from "#blobs/store-uploads.ts";
import { requireUpload } from "#blobs/uploads/require-upload.ts";
import type { UploadParts } from "#blobs/uploads/upload-parts.ts";

/** With what it has received. The blob that it has become stays. */
export function deleteUpload(parts: UploadParts) {
  return async ({ id }: DeleteUploadRequest, context: HandlerContext) => {
    const ownerId = callerOf(context).userId;
    await removeUpload(parts.database, await requireUpload(parts, { id, ownerId, isDirect: false }));
    return {};
  };
}
