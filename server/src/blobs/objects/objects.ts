/**
 * Objects: bytes that never change, by an id. Between the RPCs, which know keys and conditions, and the object store,
 * which knows names.
 */
export interface Objects {
  /**
   * Writes them as a new object, which nothing refers to yet: what the caller does not go on to refer to is swept later.
   * Rejects with "too-large" past the limit, with "digest-mismatch", and as the store's write does; then nothing is left.
   */
  write(bytes: AsyncIterable<Uint8Array>, options: ObjectWrite): Promise<WrittenObject>;
  /** Of the bytes as they are stored, in chunks as a store's; rejects with "blob-store-unavailable" when they cannot be had now. */
  read(
    object: StoredObject,
    range: { offset: number; length: number },
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;
  /** Of what was written and is not going to be referred to. Never throws: what it leaves is swept. */
  discard(object: Pick<WrittenObject, "id" | "spooledBy">): Promise<void>;
}

export interface ObjectWrite {
  size: number | undefined;
  maxBytes: number;
  /** 32 bytes; undefined: not given. */
  sha256: Uint8Array | undefined;
  /** Acknowledged once they are on this machine's disk (write-back). */
  mayBeSpooled: boolean;
  signal: AbortSignal;
}

export interface WrittenObject {
  id: string;
  size: number;
  /** 32 bytes. */
  sha256: Uint8Array;
  /** Of the pod on whose disk alone they are; undefined: they are in the store. */
  spooledBy: string | undefined;
}

/** What a row of blobs.objects says. */
export interface StoredObject {
  id: string;
  size: number;
  /** Objects of the store that it is made of, in order; undefined: one, of its own id. */
  pieces: readonly { id: string; size: number }[] | undefined;
  spooledBy: string | undefined;
}
