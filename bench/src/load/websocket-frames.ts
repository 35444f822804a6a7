/** Just enough of RFC 6455 for a client that makes load: unfragmented text frames, ping and close. */

export const opcodes = { continuation: 0, text: 1, close: 8, ping: 9, pong: 10 } as const;

const maskedBit = 0x80;
const finalBit = 0x80;
const length16 = 126;
const length64 = 127;
const maskBytes = 4;

/**
 * A client's frame. Clients must mask, to keep what a page sends unpredictable to proxies (RFC 6455, 10.3); here is
 * neither page nor proxy, and the key zero leaves the payload as it is.
 */
export function clientFrame(opcode: number, payload: string | Uint8Array): Buffer {
  const bytes = typeof payload === "string" ? Buffer.byteLength(payload) : payload.length;
  if (bytes > 0xffff) throw new RangeError("the generator sends no frames above 64 KiB");
  const lengthBytes = bytes < length16 ? 0 : 2;
  const head = 2 + lengthBytes + maskBytes;
  const frame = Buffer.allocUnsafe(head + bytes);
  frame[0] = finalBit | opcode;
  frame[1] = maskedBit | (lengthBytes === 0 ? bytes : length16);
  if (lengthBytes > 0) frame.writeUInt16BE(bytes, 2);
  frame.fill(0, head - maskBytes, head);
  if (typeof payload === "string") frame.write(payload, head);
  else frame.set(payload, head);
  return frame;
}

/** Called with the frame's payload as a range of a buffer that is only valid during the call. */
export type OnFrame = (opcode: number, buffer: Buffer, start: number, end: number) => void;

/** Cuts a stream of a server's bytes into frames. */
export function createFrameCutter(onFrame: OnFrame): (chunk: Buffer) => void {
  let rest: Buffer | undefined;
  return (chunk) => {
    const data = rest ? Buffer.concat([rest, chunk]) : chunk;
    let offset = 0;
    for (let frame = frameAt(data, offset); frame; frame = frameAt(data, offset)) {
      onFrame(frame.opcode, data, frame.start, frame.end);
      offset = frame.end;
    }
    // A copy: the chunk's memory is used again for the next read.
    rest = offset < data.length ? Buffer.from(data.subarray(offset)) : undefined;
  };
}

function frameAt(data: Buffer, offset: number) {
  if (data.length < offset + 2) return undefined;
  const first = data[offset]!;
  const length = data[offset + 1]!;
  const opcode = first & 0x0f;
  if ((first & finalBit) === 0 || opcode === opcodes.continuation) throw new Error("a fragmented frame");
  const extra = length === length16 ? 2 : length === length64 ? 8 : 0;
  const start = offset + 2 + extra;
  if (data.length < start) return undefined;
  const bytes =
    extra === 0
      ? length
      : extra === 2
        ? data.readUInt16BE(offset + 2)
        : Number(data.readBigUInt64BE(offset + 2));
  const end = start + bytes;
  return data.length < end ? undefined : { opcode, start, end };
}
