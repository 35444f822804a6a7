/** One look at an attachment: what it finds is written down once, and answered ever after. */
import { nothingToSee } from "#blobs/attachments/picture.ts";
import type { WrittenObject } from "#blobs/objects/objects.ts";
import type { BlobParts } from "#blobs/parts.ts";
import { findHeld, type HeldAttachment, storePrepared } from "#blobs/store-attachments.ts";
import { fault } from "#platform/errors.ts";

type Prepared = HeldAttachment["prepared"];

/** Undefined: it is not held any more. Rejects when it cannot be looked at now. */
export async function prepare(parts: BlobParts, id: string, signal: AbortSignal): Promise<Prepared> {
  const { database, objects } = parts;
  const held = await findHeld(database, id);
  if (!held || held.prepared) return held?.prepared;
  const { width, height, thumbnail: bytes } = await look(parts, held.objectId, signal);
  const thumbnail = bytes && (await write(parts, bytes, signal));
  const isPrepared = await storePrepared(database, id, { width, height, thumbnail });
  if (!isPrepared && thumbnail) await objects.discard(thumbnail);
  return (await findHeld(database, id))?.prepared;
}

async function look({ knownObjects, objects, pictures, config }: BlobParts, id: string, signal: AbortSignal) {
  const object = await knownObjects.find(id);
  if (!object) throw fault("internal", { cause: new Error("an attachment's object has no row") });
  const { size } = object;
  if (size === 0 || size > config.PARLEY_PICTURE_MAX_BYTES) return nothingToSee;
  return await pictures.look({ size, read: () => objects.read(object, { offset: 0, length: size }, signal) });
}

const write = ({ objects }: BlobParts, bytes: Uint8Array, signal: AbortSignal): Promise<WrittenObject> =>
  objects.write(chunksOf(bytes), {
    size: bytes.length,
    maxBytes: bytes.length,
    sha256: undefined,
    mayBeSpooled: false,
    signal,
  });

async function* chunksOf(bytes: Uint8Array) {
  yield bytes;
}
