/** Objects in the store, or for a while in the spool of a pod; small ones that are read also in memory. */
import { type CheckedBytes, checkBytes } from "#blobs/objects/checked-bytes.ts";
import type { HotCache } from "#blobs/objects/hot-cache.ts";
import { maxWriteMs } from "#blobs/objects/object-ages.ts";
import { objectName } from "#blobs/objects/object-name.ts";
import type { Objects, ObjectWrite, StoredObject, WrittenObject } from "#blobs/objects/objects.ts";
import type { Spool } from "#blobs/objects/spool.ts";
import type { ByteRange, ObjectStore } from "#blobs/stores/object-store.ts";
import type { Clock } from "#platform/clock.ts";
import { fault } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";

export interface ObjectsOptions {
  store: ObjectStore;
  /** Undefined: nothing is spooled. */
  spool?: Spool | undefined;
  cache: HotCache;
  /** Told of each read of what may be kept in memory. */
  onCacheRead?: (isHit: boolean) => void;
  newObjectId(): string;
  clock: Clock;
  log: Log;
}

export function createObjects(options: ObjectsOptions): Objects {
  const { store, spool, newObjectId, clock, log } = options;

  async function discard({ id, spooledBy }: Pick<WrittenObject, "id" | "spooledBy">) {
    const name = objectName(id);
    try {
      await (spooledBy === undefined ? store.delete([name]) : spool?.discard(name));
    } catch (error) {
      log.debug({ err: error }, "an object that nobody wants is left for the sweep");
    }
  }

  return {
    async write(source, write) {
      const id = newObjectId();
      const startedAtMs = clock.now();
      const checked = checkBytes(source, write);
      const spooledBy = await writeBytes(options, id, checked, write);
      if (clock.now() - startedAtMs > maxWriteMs) {
        await discard({ id, spooledBy });
        throw fault("timeout", { detail: "It took too long until all bytes were there" });
      }
      return { id, ...checked.result(), spooledBy };
    },
    read: (object, range, signal) => readObject(options, object, range, signal),
    discard,
  };
}

async function writeBytes(
  { store, spool }: ObjectsOptions,
  id: string,
  { bytes }: CheckedBytes,
  { size, signal, mayBeSpooled }: ObjectWrite,
): Promise<WrittenObject["spooledBy"]> {
  const name = objectName(id);
  if (mayBeSpooled && spool?.hasRoomFor(size)) {
    await spool.write(name, bytes, { size, signal });
    return spool.podId;
  }
  await store.write(name, bytes, { size, signal });
  return undefined;
}

async function* readObject(
  options: ObjectsOptions,
  object: StoredObject,
  range: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (range.length === 0) return;
  const { cache } = options;
  if (!cache.takes(object.size)) {
    yield* readStored(options, object, range, signal);
    return;
  }
  const kept = cache.get(object.id);
  options.onCacheRead?.(kept !== undefined);
  if (kept) {
    yield kept.subarray(range.offset, range.offset + range.length);
    return;
  }
  const buffer = Buffer.allocUnsafeSlow(object.size);
  let filled = 0;
  for await (const chunk of readStored(options, object, { offset: 0, length: object.size }, signal)) {
    buffer.set(chunk, filled);
    filled += chunk.byteLength;
  }
  const whole = buffer.subarray(0, filled);
  cache.set(object.id, whole);
  yield whole.subarray(range.offset, range.offset + range.length);
}

async function* readStored(
  { store, spool }: ObjectsOptions,
  object: StoredObject,
  range: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (object.spooledBy !== undefined) {
    if (!spool) throw fault("blob-store-unavailable", { detail: "The bytes are on the disk of another pod" });
    yield* await spool.read(object, range, signal);
    return;
  }
  for (const part of partsOf(object, range)) {
    yield* await store.read(objectName(part.id), { offset: part.offset, length: part.length }, signal);
  }
}

/** Which bytes of which objects of the store a range of an object is. */
export function* partsOf(
  { id, size, pieces }: StoredObject,
  { offset, length }: ByteRange,
): Generator<ByteRange & { id: string }> {
  const end = offset + length;
  let start = 0;
  for (const piece of pieces ?? [{ id, size }]) {
    const from = Math.max(offset, start);
    const to = Math.min(end, start + piece.size);
    if (from < to) yield { id: piece.id, offset: from - start, length: to - from };
    start += piece.size;
  }
}
