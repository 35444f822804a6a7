import type { HandlerContext } from "@connectrpc/connect";
import type { GetBlobRequest } from "@parley/api/v2/blob";
import { blobView } from "#blobs/blob-view.ts";
import type { BlobParts } from "#blobs/parts.ts";
import { requireBlob } from "#blobs/rpc/find-blob.ts";

export function getBlob(parts: BlobParts) {
  return async ({ key }: GetBlobRequest, context: HandlerContext) => ({
    blob: blobView(await requireBlob(parts, key, context)),
  });
}
