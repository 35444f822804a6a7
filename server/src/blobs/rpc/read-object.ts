import type { HandlerContext } from "@connectrpc/connect";
import type { ReadObjectRequest } from "@parley/api/internal/blobs";
import { rangeOf } from "#blobs/objects/byte-range.ts";
import type { StoredObject } from "#blobs/objects/objects.ts";
import type { BlobParts } from "#blobs/parts.ts";
import { isGarbage } from "#blobs/store-blobs.ts";
import { ObjectMissing } from "#blobs/stores/object-store.ts";
import { fault } from "#platform/errors.ts";

export function readObject(parts: BlobParts) {
  return async function* (request: ReadObjectRequest, { signal }: HandlerContext) {
    const { transfers, metrics } = parts;
    const leave = transfers.enter(signal);
    const done = metrics.readStarted();
    try {
      const object = await requireObject(parts, request.objectId);
      const range = rangeOf(request, object.size);
      for await (const data of parts.objects.read(object, range, signal)) {
        metrics.sent(data.byteLength);
        yield { data };
      }
      done(undefined);
    } catch (error) {
      const told = error instanceof ObjectMissing ? await toMissing(parts, request.objectId, error) : error;
      done(told);
      throw told;
    } finally {
      leave();
      // Of one who went away.
      done(fault("cancelled"));
    }
  };
}

async function requireObject({ knownObjects }: BlobParts, id: string): Promise<StoredObject> {
  const object = await knownObjects.find(id.toLowerCase());
  if (!object) throw fault("blob-not-found");
  return object;
}

/** It was deleted since it was found, and its grace is over; else something is badly wrong. */
async function toMissing({ database, knownObjects, log }: BlobParts, objectId: string, cause: ObjectMissing) {
  const id = objectId.toLowerCase();
  knownObjects.forget(id);
  if (!(await knownObjects.find(id)) || (await isGarbage(database, id)))
    return fault("blob-not-found", { cause });
  log.error({ objectId: id }, "the bytes of a blob are missing in the object store");
  return fault("internal", { cause });
}
