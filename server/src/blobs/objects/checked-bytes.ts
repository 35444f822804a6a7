/** Bytes on their way to the store: counted, hashed, and held to what was said of them, before the object counts. */
import { createHash } from "node:crypto";
import { fault } from "#platform/errors.ts";

export interface ExpectedBytes {
  /** Exactly so many; undefined: not known. */
  size: number | undefined;
  maxBytes: number;
  /** 32 bytes; undefined: not given. */
  sha256: Uint8Array | undefined;
  signal: AbortSignal;
}

export interface CheckedBytes {
  /** To be iterated once. Throws instead of ending when they are not what was expected, so that the store keeps nothing. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Once the iteration has ended. */
  result(): { size: number; sha256: Uint8Array };
}

export function checkBytes(source: AsyncIterable<Uint8Array>, expected: ExpectedBytes): CheckedBytes {
  const hash = createHash("sha256");
  let unhashed: Uint8Array | undefined;
  const hashChunk = () => {
    if (unhashed) hash.update(unhashed);
    unhashed = undefined;
  };
  let size = 0;
  let sha256: Buffer | undefined;
  async function* checked() {
    for await (const chunk of untilAborted(source, expected.signal)) {
      size += chunk.byteLength;
      if (size > expected.maxBytes) throw fault("too-large");
      if (expected.size !== undefined && size > expected.size) throw notAsLong();
      // Once the store has begun to write it, so that the two go on at the same time; before the next at the latest.
      unhashed = chunk;
      setImmediate(hashChunk);
      yield chunk;
      hashChunk();
    }
    if (expected.size !== undefined && size < expected.size) throw notAsLong();
    sha256 = hash.digest();
    if (expected.sha256 && !sha256.equals(expected.sha256)) throw fault("digest-mismatch");
  }
  return {
    bytes: checked(),
    result() {
      if (!sha256) throw new Error("the store did not take all bytes");
      return { size, sha256 };
    },
  };
}

const notAsLong = () =>
  fault("malformed-request", { detail: "The bytes are not as many as the request said" });

/** Throws the signal's reason as soon as it aborts, also while the source hangs. */
async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  let refuse: (reason: unknown) => void = () => {};
  const onAbort = () => refuse(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  let isEnded = false;
  try {
    for (;;) {
      signal.throwIfAborted();
      // Not Promise.race with one promise for all: that would hold on to each chunk until the end.
      const next = await new Promise<IteratorResult<T>>((resolve, reject) => {
        refuse = reject;
        iterator.next().then(resolve, reject);
      });
      if (next.done) {
        isEnded = true;
        return;
      }
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Not awaited: a source that hangs would not end this either.
    if (!isEnded) iterator.return?.()?.catch(() => {});
  }
}
