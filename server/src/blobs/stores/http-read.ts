/** What a store over HTTP answers with, checked: exactly so many bytes, or the iteration throws. */
import type { Readable } from "node:stream";
import { createStallWatch } from "#blobs/stores/stall-watch.ts";
import { fault } from "#platform/errors.ts";
import { releaseBytes } from "#platform/release-bytes.ts";

export interface BodyOptions {
  length: number;
  signal: AbortSignal;
  stallMs: number;
  /** What a caller is told of an error of the connection. */
  toFault(error: unknown): unknown;
}

export async function* exactBody(body: Readable, options: BodyOptions): AsyncGenerator<Uint8Array> {
  const { length, signal, stallMs, toFault } = options;
  const watch = createStallWatch(stallMs);
  // Ends the socket, and with it what the store has not sent yet.
  const stop = () => body.destroy(new Error("given up"));
  signal.addEventListener("abort", stop);
  watch.signal.addEventListener("abort", stop);
  let received = 0;
  let last: Buffer | undefined;
  try {
    signal.throwIfAborted();
    for await (const chunk of body as AsyncIterable<Buffer>) {
      received += chunk.byteLength;
      if (received > length) break;
      if (last) releaseBytes(last);
      last = chunk;
      watch.pause();
      yield chunk;
      watch.resume();
    }
    if (received !== length) throw new Error(`the store sent ${received} bytes of ${length}`);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (watch.signal.aborted) throw watch.signal.reason;
    throw toFault(error);
  } finally {
    watch.stop();
    signal.removeEventListener("abort", stop);
    body.destroy();
  }
}

/** A body nobody will read, of an answer that turned out to be wrong. */
export function wrongAnswer(body: Readable, what: string) {
  body.destroy();
  return fault("blob-store-unavailable", { cause: new Error(what) });
}
