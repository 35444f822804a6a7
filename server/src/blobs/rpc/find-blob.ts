import type { HandlerContext } from "@connectrpc/connect";
import type { FindBlobRequest } from "@parley/api/internal/blobs";
import { storedBlobView } from "#blobs/blob-view.ts";
import { callerOf } from "#blobs/input.ts";
import { keyBytes } from "#blobs/key.ts";
import type { BlobParts } from "#blobs/parts.ts";
import { type BlobRow, findBlobRow } from "#blobs/store-blobs.ts";
import { fault } from "#platform/errors.ts";

export function findBlob(parts: BlobParts) {
  return async ({ key }: FindBlobRequest, context: HandlerContext) => ({
    blob: storedBlobView(await requireBlob(parts, key, context)),
  });
}

/** The caller's; always out of the database, so that whoever put it finds it on every pod. */
export async function requireBlob(
  { database, knownObjects }: Pick<BlobParts, "database" | "knownObjects">,
  key: string,
  context: HandlerContext,
): Promise<BlobRow> {
  const row = await findBlobRow(database, callerOf(context).userId, keyBytes(key));
  if (!row) throw fault("blob-not-found");
  knownObjects.note(row.object);
  return row;
}
