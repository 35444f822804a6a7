/** A sender's bytes as bodies of requests. While the sender is waited for, the store is not. */
import { Readable } from "node:stream";
import type { ByteSource } from "#blobs/stores/byte-source.ts";
import type { StallWatch } from "#blobs/stores/stall-watch.ts";

/** How many bytes are in it: fewer than it holds at the end only. */
export async function fill(source: ByteSource, buffer: Buffer, watch: StallWatch): Promise<number> {
  watch.pause();
  let filled = 0;
  do {
    const chunk = await source.pull(buffer.byteLength - filled);
    if (!chunk) break;
    buffer.set(chunk, filled);
    filled += chunk.byteLength;
  } while (filled < buffer.byteLength);
  watch.resume();
  return filled;
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
      yield chunk;
    }
  }
  const stream = Readable.from(chunks(), { objectMode: false, highWaterMark: 65_536 });
  // A request does not notice that its body has failed.
  stream.once("error", watch.giveUp);
  return stream;
}
