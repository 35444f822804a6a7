import type { HandlerContext } from "@connectrpc/connect";
import type { ListBlobsRequest } from "@parley/api/v2/blob";
import { blobView } from "#blobs/blob-view.ts";
import { callerOf } from "#blobs/input.ts";
import { endOfPrefix, keyBytes } from "#blobs/key.ts";
import type { BlobParts } from "#blobs/parts.ts";
import { listBlobRows } from "#blobs/store-blobs.ts";
import { maxKeyBytes } from "#platform/blob-limits.ts";
import { invalidInput } from "#platform/errors.ts";

const standardLimit = 100;
const maxLimit = 1_000;

/** Each page continues after the last key of the one before, whatever has been put or deleted since. */
export function listBlobs({ database }: BlobParts) {
  return async (request: ListBlobsRequest, context: HandlerContext) => {
    const { userId } = callerOf(context);
    const limit = request.limit || standardLimit;
    if (limit > maxLimit) throw invalidInput("limit", `must be at most ${maxLimit}`);
    const prefix = request.prefix === "" ? Buffer.alloc(0) : keyBytes(request.prefix, "prefix");
    const range = { after: decodeCursor(request.cursor), from: prefix, before: endOfPrefix(prefix) };
    const rows = await listBlobRows(database, userId, range, limit + 1);
    const page = rows.slice(0, limit);
    const nextCursor = rows.length > limit ? page.at(-1)!.key.toString("base64url") : undefined;
    return { blobs: page.map(blobView), ...(nextCursor === undefined ? {} : { nextCursor }) };
  };
}

/** The last key of the page before. */
function decodeCursor(cursor: string): Buffer {
  const key = Buffer.from(cursor, "base64url");
  if (key.toString("base64url") !== cursor || key.length > maxKeyBytes)
    throw invalidInput("cursor", "must be the nextCursor of a page before");
  return key;
}
