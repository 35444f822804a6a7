/** What has come of a direct upload, and as which object it is kept. */
import { objectName } from "#blobs/objects/object-name.ts";
import type { Objects } from "#blobs/objects/objects.ts";
import type { PutObject } from "#blobs/store-puts.ts";
import type { DirectTransfers, ObjectStore } from "#blobs/stores/object-store.ts";
import type { UploadRow } from "#blobs/uploads/upload-row.ts";
import { fault, toPublicError } from "#platform/errors.ts";

export interface ArrivalParts {
  store: ObjectStore;
  objects: Pick<Objects, "write">;
  direct: DirectTransfers;
}

/**
 * Rejects with "upload-incomplete" when nothing is there yet, and with "digest-mismatch". A store that tells the SHA-256 has
 * checked it and goes on doing so as long as the URL is good. Of any other the bytes are copied to where no URL leads: else
 * whoever has the URL could replace them later.
 */
export async function takeArrival(
  { store, objects, direct }: ArrivalParts,
  { objectId, size, sha256 }: UploadRow,
  signal: AbortSignal,
): Promise<PutObject> {
  const name = objectName(objectId);
  const arrived = await store.sizeOf(name, signal);
  if (arrived === undefined) throw fault("upload-incomplete");
  if (arrived !== size || sha256 === null) throw fault("digest-mismatch");
  const known = await direct.sha256Of(name, signal);
  if (known !== undefined && known !== sha256.toString("hex")) throw fault("digest-mismatch");
  if (known !== undefined) return { id: objectId, size, sha256 };
  const bytes = await store.read(name, { offset: 0, length: size }, signal);
  return await objects.write(bytes, { size, maxBytes: size, sha256, mayBeSpooled: false, signal });
}

export const isWrong = (error: unknown) => toPublicError(error).code === "digest-mismatch";
