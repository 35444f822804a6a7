/** A sender's bytes as bodies of requests. While the sender is waited for, the store is not. */
import { Readable } from "node:stream";
import type { ByteSource } from "#blobs/stores/byte-source.ts";
import type { StallWatch } from "#blobs/stores/stall-watch.ts";

export interface FillOptions {
  watch: StallWatch;
  /** So many bytes are at its beginning already. */
  alreadyFilled?: number;
  /** May throw. */
  onChunk?(): void;
}

/** How many bytes are in it: fewer than it holds at the end only. */
export async function fill(
  source: ByteSource,
  buffer: Buffer,
  { watch, alreadyFilled = 0, onChunk }: FillOptions,
): Promise<number> {
  watch.pause();
  let filled = alreadyFilled;
  do {
    const chunk = await source.pull(buffer.byteLength - filled);
    if (!chunk) break;
    buffer.set(chunk, filled);
    filled += chunk.byteLength;
    onChunk?.();
  } while (filled < buffer.byteLength);
  watch.resume();
  return filled;
}

const leastBytes = 16_384;

/** The first bytes of an unknown number, in memory that grows with what comes rather than with what may come. */
export async function gather(source: ByteSource, maxBytes: number, watch: StallWatch): Promise<Buffer> {
  watch.pause();
  let buffer = Buffer.allocUnsafeSlow(Math.min(leastBytes, maxBytes));
  let size = 0;
  while (size < maxBytes) {
    const chunk = await source.pull(maxBytes - size);
    if (!chunk) break;
    const needed = size + chunk.byteLength;
    if (needed > buffer.byteLength) {
      const grown = Buffer.allocUnsafeSlow(Math.min(maxBytes, Math.max(needed, 2 * buffer.byteLength)));
      grown.set(buffer.subarray(0, size));
      buffer = grown;
    }
    buffer.set(chunk, size);
    size = needed;
  }
  watch.resume();
  return buffer.subarray(0, size);
}

/** So many of the source's bytes, as the store takes them. */
export function streamOf(source: ByteSource, size: number, watch: StallWatch): Readable {
  async function* chunks() {
    for (let left = size; left > 0; ) {
      watch.pause();
      const chunk = await source.pull(left);
      watch.resume();
      if (!chunk) return;
      left -= chunk.byteLength;
      // The stream asks for more before it has sent this.
      yield Buffer.from(chunk);
    }
  }
  const stream = Readable.from(chunks(), { objectMode: false, highWaterMark: 65_536 });
  // A request does not notice that its body has failed.
  stream.once("error", watch.giveUp);
  return stream;
}
