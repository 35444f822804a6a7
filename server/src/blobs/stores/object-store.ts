/**
 * Where bytes are kept: a folder, S3, Azure. An object is written once, whole, under a name that nothing else ever has,
 * and never changes: so a store needs no locks, and whoever has read a name may keep what it found.
 */
export interface ObjectStore {
  readonly kind: "file" | "s3" | "azblob";
  /** For people, in logs and commands; holds no secret. */
  readonly description: string;
  /** Rejects when the store cannot be used as it is configured; the message says what to do. */
  check(signal?: AbortSignal): Promise<void>;
  /**
   * Resolves once the object is durable; else there is none (but for what a crash leaves, see list()). Memory is
   * bounded whatever the size is. Rejects with "blob-store-unavailable" (with retryAfterMs where the store says so) when the store
   * is away or wants less, with "storage-full", with "overloaded" when too many of unknown size are being written, with "malformed-request" when there are
   * fewer or more bytes than `size` says, with the signal's reason, and with whatever `bytes` throws. A chunk need be good only until the
   * one after it has come.
   */
  write(name: string, bytes: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<void>;
  /**
   * Resolves once the store has begun to answer; the bytes are those of the range, or the iteration throws. Rejects with
   * "blob-store-unavailable", and with ObjectMissing when there is no such object. Whoever does not iterate aborts the signal.
   * A chunk is good until the next is asked for, and the last one for good: whoever keeps one copies it, and whoever hands one to the
   * system waits until that has taken it.
   */
  read(name: string, range: ByteRange, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Undefined when there is none. */
  sizeOf(name: string, signal?: AbortSignal): Promise<number | undefined>;
  /** Objects, and what list() has found of half written ones. Those that there are not are deleted already. */
  delete(names: readonly string[]): Promise<void>;
  /**
   * Names that begin with the folder ("2026-11-21T19/"), in any order. What a crash left half written has the name of its object and
   * then ".<which>.part"; it may also be of a write that is still under way.
   */
  list(folder: string): AsyncIterable<string>;
  /** All folders that there are, in any order. */
  folders(): AsyncIterable<string>;
  /** Only of stores that clients may be sent to. */
  readonly direct?: DirectTransfers;
}

export interface WriteOptions {
  /** How many bytes there will be, where that is known. */
  size: number | undefined;
  signal: AbortSignal;
}

/** From offset on, so many bytes; both whole numbers within the object. */
export interface ByteRange {
  offset: number;
  length: number;
}

export interface DirectTransfers {
  /** Takes exactly so many bytes with that SHA-256 (hex), if the store checks such; completeness is checked later. */
  signUpload(
    name: string,
    announced: { size: number; sha256: string },
    expiresInS: number,
  ): Promise<{ url: string; headers: Record<string, string> }>;
  signDownload(
    name: string,
    answer: { contentType: string; contentDisposition: string },
    expiresInS: number,
  ): Promise<string>;
  /** What the store itself knows of a stored object's SHA-256 (hex); undefined: nothing. */
  sha256Of(name: string, signal?: AbortSignal): Promise<string | undefined>;
}

/** An object that should be there is not: something went wrong before, or it was taken away by hand. */
export class ObjectMissing extends Error {
  constructor(name: string) {
    super(`the object store has no object ${name}`);
    this.name = "ObjectMissing";
  }
}
