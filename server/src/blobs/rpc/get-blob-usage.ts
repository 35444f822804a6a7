import type { HandlerContext } from "@connectrpc/connect";
import type { GetBlobUsageRequest } from "@parley/api/v2/blob";
import { callerOf } from "#blobs/input.ts";
import type { BlobParts } from "#blobs/parts.ts";
import { readUsage } from "#blobs/store-blobs.ts";

export function getBlobUsage({ config, database }: BlobParts) {
  return async (_request: GetBlobUsageRequest, context: HandlerContext) => {
    const { bytes, blobCount } = await readUsage(database, callerOf(context).userId);
    return { used: bytes, quota: config.PARLEY_BLOB_QUOTA_BYTES, blobCount };
  };
}
