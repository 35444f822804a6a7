import type { HandlerContext } from "@connectrpc/connect";
import type { DeleteBlobRequest } from "@parley/api/v2/blob";
import { hashOfEtag } from "#blobs/etag.ts";
import { callerOf } from "#blobs/input.ts";
import { keyBytes } from "#blobs/key.ts";
import type { BlobParts } from "#blobs/parts.ts";
import { storeDelete } from "#blobs/store-puts.ts";
import { fault } from "#platform/errors.ts";

/** The bytes stay for those who are reading them, until the sweep comes by. */
export function deleteBlob({ database, metrics }: BlobParts) {
  return async ({ key, ifMatch }: DeleteBlobRequest, context: HandlerContext) => {
    const { userId: ownerId } = callerOf(context);
    const outcome = await storeDelete(database, { ownerId, key: keyBytes(key), match: matchOf(ifMatch) });
    metrics.deleted(outcome);
    if (outcome === "precondition-failed") throw fault(outcome);
    return {};
  };
}

function matchOf(ifMatch: string): string | undefined {
  if (ifMatch === "") return undefined;
  // A tag that is none of ours is no blob's.
  return ifMatch === "*" ? ifMatch : (hashOfEtag(ifMatch) ?? "");
}
