/** Bytes in pieces of a known length, over a pipe: four bytes that say how many, and the bytes. */

export function lengthPrefix(length: number): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(length);
  return prefix;
}

/** Ends, or throws, as the stream does; throws when one is longer than that. */
export async function* framesOf(stream: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Buffer> {
  const prefix = Buffer.alloc(4);
  let frame = prefix;
  let filled = 0;
  for await (const chunk of stream) {
    let at = 0;
    do {
      const taken = Math.min(frame.length - filled, chunk.length - at);
      frame.set(chunk.subarray(at, at + taken), filled);
      at += taken;
      filled += taken;
      if (filled < frame.length) continue;
      filled = 0;
      if (frame === prefix) {
        const length = prefix.readUInt32BE();
        if (length > maxBytes) throw new Error(`a frame of ${length} bytes is too long`);
        frame = Buffer.allocUnsafeSlow(length);
        if (length > 0) continue;
      }
      yield frame;
      frame = prefix;
    } while (at < chunk.length);
  }
}
