/** Spooled bytes for whoever reads them: of this pod's disk, of another pod, or of the store once they are there. */
import type { Client } from "@connectrpc/connect";
import type { BlobInternalService } from "@parley/api/internal/blobs";
import { objectName } from "#blobs/objects/object-name.ts";
import type { StoredObject } from "#blobs/objects/objects.ts";
import { type ByteRange, ObjectMissing, type ObjectStore } from "#blobs/stores/object-store.ts";
import { fault, toPublicError } from "#platform/errors.ts";

export type PodClient = Pick<Client<typeof BlobInternalService>, "readSpooled">;

export interface SpooledReaderOptions {
  store: ObjectStore;
  /** This pod's; undefined: it has none. */
  own(): { podId: string; files: ObjectStore } | undefined;
  /** Undefined: it cannot be asked. */
  findPod(podId: string): Promise<PodClient | undefined>;
}

export type ReadSpooled = (
  object: StoredObject,
  range: ByteRange,
  signal: AbortSignal,
) => Promise<AsyncIterable<Uint8Array>>;

const retryAfterMs = 5_000;
/** Until the other pod begins to answer. */
const patienceMs = 10_000;

/** Rejects with "blob-store-unavailable" when the pod that has them is away and the store lacks them. */
export function createSpooledReader({ store, own, findPod }: SpooledReaderOptions): ReadSpooled {
  const ofStore = (object: StoredObject, range: ByteRange, signal: AbortSignal) =>
    store.read(objectName(object.id), range, signal);

  async function ofOtherPod(object: StoredObject, range: ByteRange, signal: AbortSignal) {
    try {
      const pod = await findPod(object.spooledBy!);
      if (!pod) throw fault("unavailable");
      return await begun(pod, object.id, range, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      // It may have let go of them since the row was read, or went away just after it had brought them.
      if (toPublicError(error).code === "blob-not-found") return await ofStore(object, range, signal);
      const stored = await store.sizeOf(objectName(object.id), signal).catch(() => undefined);
      if (stored === object.size) return await ofStore(object, range, signal);
      const detail = "The bytes are on the disk of another pod, which cannot be reached for the moment";
      throw fault("blob-store-unavailable", { detail, retryAfterMs, cause: error });
    }
  }

  return async (object, range, signal) => {
    const ownSpool = own();
    if (object.spooledBy !== ownSpool?.podId) return await ofOtherPod(object, range, signal);
    try {
      return await ownSpool!.files.read(objectName(object.id), range, signal);
    } catch (error) {
      if (!(error instanceof ObjectMissing)) throw error;
      return await ofStore(object, range, signal);
    }
  };
}

/** Resolves once the pod has sent its first bytes, so that until then others can be asked. */
async function begun(pod: PodClient, objectId: string, range: ByteRange, signal: AbortSignal) {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(fault("timeout")), patienceMs);
  const answers = pod.readSpooled({ objectId, ...range }, { signal: AbortSignal.any([signal, late.signal]) });
  const iterator = answers[Symbol.asyncIterator]();
  try {
    const first = await iterator.next();
    return whole(iterator, first, range.length);
  } finally {
    clearTimeout(timer);
  }
}

/** Throws when fewer bytes come than there are. */
async function* whole(
  iterator: AsyncIterator<{ data: Uint8Array }>,
  first: IteratorResult<{ data: Uint8Array }>,
  length: number,
): AsyncGenerator<Uint8Array> {
  let left = length;
  try {
    for (let next = first; !next.done; next = await iterator.next()) {
      left -= next.value.data.length;
      yield next.value.data;
    }
  } finally {
    await iterator.return?.();
  }
  if (left !== 0) throw fault("blob-store-unavailable", { retryAfterMs });
}
