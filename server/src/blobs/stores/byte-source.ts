/**
 * The bytes that a store is asked to write, pulled chunk by chunk. It ends exactly at the announced size or fails, fails when the
 * caller gives up, and remembers that it failed: so a store can tell its own trouble from that of whoever sends the bytes.
 */
import type { WriteOptions } from "#blobs/stores/object-store.ts";
import { fault } from "#platform/errors.ts";

export interface ByteSource {
  /**
   * Undefined at the end. Chunks are never empty, and good until the next pull. One pull at a time. When the size is known, the last bytes are
   * handed over once the sender has ended: no store has all of them that should not.
   */
  pull(maxBytes?: number): Promise<Uint8Array | undefined>;
  /** There is nothing left to pull. */
  readonly hasEnded: boolean;
  /** What is to be thrown to the caller, whatever the store made of it. */
  readonly failure: { error: unknown } | undefined;
  /** Tells the sender that no more is wanted. */
  close(): void;
}

export function openSource(
  bytes: AsyncIterable<Uint8Array>,
  { size, signal }: Pick<WriteOptions, "size" | "signal">,
): ByteSource {
  const iterator = bytes[Symbol.asyncIterator]();
  let received = 0;
  let hasSenderEnded = false;
  let carried: Uint8Array | undefined;
  let failure: { error: unknown } | undefined;
  let giveUp: ((reason: unknown) => void) | undefined;

  const onAbort = () => giveUp?.(signal.reason);
  signal.addEventListener("abort", onAbort);

  /** What the sender says next, or the signal's reason: it may never say anything. */
  function next(): Promise<IteratorResult<Uint8Array>> {
    return new Promise((resolve, reject) => {
      giveUp = reject;
      if (signal.aborted) reject(signal.reason);
      else iterator.next().then(resolve, reject);
    });
  }

  async function receive(): Promise<Uint8Array | undefined> {
    while (!hasSenderEnded) {
      const { done, value } = await next();
      if (done) {
        hasSenderEnded = true;
        if (size !== undefined && received < size) throw wrongSize("fewer");
      } else if (value.byteLength > 0) {
        received += value.byteLength;
        if (size !== undefined && received > size) throw wrongSize("more");
        if (received === size) await receive();
        return value;
      }
    }
    return undefined;
  }

  return {
    async pull(maxBytes = Number.POSITIVE_INFINITY) {
      if (failure) throw failure.error;
      try {
        const chunk = carried ?? (await receive());
        carried = undefined;
        if (!chunk || chunk.byteLength <= maxBytes) return chunk;
        carried = chunk.subarray(maxBytes);
        return chunk.subarray(0, maxBytes);
      } catch (error) {
        failure = { error };
        throw error;
      }
    },
    get hasEnded() {
      return hasSenderEnded && !carried;
    },
    get failure() {
      return failure ?? (signal.aborted ? { error: signal.reason } : undefined);
    },
    close() {
      signal.removeEventListener("abort", onAbort);
      // Not awaited: one who never answers the last pull does not answer this either.
      if (!hasSenderEnded) iterator.return?.().catch(() => {});
    },
  };
}

function wrongSize(which: "fewer" | "more") {
  return fault("malformed-request", { detail: `${which} bytes came than were announced` });
}
