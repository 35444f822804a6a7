/** Bytes that are not in the store yet, but on the disk of a pod (write-back). */
import type { StoredObject } from "#blobs/objects/objects.ts";
import type { ByteRange, WriteOptions } from "#blobs/stores/object-store.ts";

export interface Spool {
  /** This pod's, as in objects.spooled_by. */
  readonly podId: string;
  /** Undefined: of a size that is not known. When not, bytes go straight to the store. */
  hasRoomFor(size: number | undefined): boolean;
  /** As ObjectStore.write. Resolves once the bytes are durable on this pod's disk. */
  write(name: string, bytes: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<void>;
  /** From wherever they are by now; "blob-store-unavailable" when that pod is away. */
  read(object: StoredObject, range: ByteRange, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Of what was written here and nothing is going to refer to. */
  discard(name: string): Promise<void>;
}
