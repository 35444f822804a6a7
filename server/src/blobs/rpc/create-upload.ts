import type { HandlerContext } from "@connectrpc/connect";
import type { CreateUploadRequest } from "@parley/api/internal/blobs";
import { callerOf, validContentType, validMetadata, wholeSize } from "#blobs/input.ts";
import { keyBytes } from "#blobs/key.ts";
import { append } from "#blobs/uploads/append.ts";
import { beginUpload } from "#blobs/uploads/begin.ts";
import { noBytes } from "#blobs/uploads/incoming-bytes.ts";
import type { UploadParts } from "#blobs/uploads/upload-parts.ts";
import { uploadView } from "#blobs/uploads/upload-view.ts";
import { invalidInput } from "#platform/errors.ts";

/** One of no bytes is a blob at once. */
export function createUpload(parts: UploadParts) {
  return async (request: CreateUploadRequest, context: HandlerContext) => {
    const { givenMetadata } = request;
    if (givenMetadata.includes("\0")) throw invalidInput("givenMetadata", "must not contain NUL");
    const upload = await beginUpload(parts, {
      ownerId: callerOf(context).userId,
      isDirect: false,
      key: keyBytes(request.key),
      contentType: validContentType(request.contentType),
      metadata: validMetadata(request.metadata),
      givenMetadata,
      size: wholeSize(request.size),
      sha256: undefined,
    });
    return { upload: uploadView(await append(parts, { upload, bytes: noBytes })) };
  };
}
