import type { HandlerContext } from "@connectrpc/connect";
import { callerOf } from "#blobs/input.ts";
import { removeUpload } from "#blobs/store-uploads.ts";
import { requireUpload } from "#blobs/uploads/require-upload.ts";
import type { UploadParts } from "#blobs/uploads/upload-parts.ts";

/** With what it has received. The blob that it has become stays. */
export function deleteUpload(parts: UploadParts, { isDirect }: { isDirect: boolean }) {
  return async ({ id }: { id: string }, context: HandlerContext) => {
    const ownerId = callerOf(context).userId;
    await removeUpload(parts.database, await requireUpload(parts, { id, ownerId, isDirect }));
    return {};
  };
}
