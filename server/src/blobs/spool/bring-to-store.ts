/**
 * One object from the spool to the store. First the bytes are in the store, then the row says so, then the file goes: so
 * whoever reads finds them, and whoever is killed begins again at a step that does no harm when done twice.
 */
import { createHash } from "node:crypto";
import { objectName } from "#blobs/objects/object-name.ts";
import type { SpoolFolder } from "#blobs/spool/spool-folder.ts";
import { markStored, type WaitingObject } from "#blobs/store-spool.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import type { Database } from "#platform/database.ts";

export interface BringParts {
  folder: SpoolFolder;
  store: ObjectStore;
  database: Database;
}

/** The file is not the object, or is not there, and neither has the store it: what was acknowledged is lost. */
export class SpooledBytesLost extends Error {
  constructor(id: string, reason: string) {
    super(`the spooled bytes of object ${id} ${reason}`);
    this.name = "SpooledBytesLost";
  }
}

export async function bringToStore(
  { folder, store, database }: BringParts,
  { id, size, sha256, isGarbage }: WaitingObject,
  signal: AbortSignal,
): Promise<"stored" | "garbage"> {
  const { files, podId } = folder;
  const name = objectName(id);
  if (isGarbage) {
    // The sweep has waited for this pod to let go of it.
    await files.delete([name]);
    await markStored(database, id, podId);
    return "garbage";
  }
  if ((await files.sizeOf(name)) !== undefined) {
    const bytes = await files.read(name, { offset: 0, length: size }, signal);
    await store.write(name, unspoilt(bytes, { id, size, sha256 }), { size, signal });
  } else if ((await store.sizeOf(name, signal)) !== size) {
    throw new SpooledBytesLost(id, "are in neither the spool nor the store");
  }
  await markStored(database, id, podId);
  await files.delete([name]);
  return "stored";
}

/** Throws instead of ending when the disk gives back something else: then the store keeps nothing. */
async function* unspoilt(
  bytes: AsyncIterable<Uint8Array>,
  { id, size, sha256 }: Pick<WaitingObject, "id" | "size" | "sha256">,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let left = size;
  for await (const chunk of bytes) {
    hash.update(chunk);
    left -= chunk.length;
    yield chunk;
  }
  if (left !== 0 || !hash.digest().equals(sha256))
    throw new SpooledBytesLost(id, "are not those that were put");
}
