/** WebSocket frames as the server sends them: whole, not masked, not compressed (RFC 6455, section 5.2). */

const finText = 0x81;
const length16 = 126;
const length64 = 127;

/** A text frame in one buffer, which may be written to any number of sockets. */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const headerBytes = length < length16 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerBytes + length);
  frame[0] = finText;
  if (headerBytes === 2) {
    frame[1] = length;
  } else if (headerBytes === 4) {
    frame[1] = length16;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = length64;
    frame.writeUInt32BE(0, 2);
    frame.writeUInt32BE(length, 6);
  }
  frame.write(text, headerBytes);
  return frame;
}

/** What a frame made by textFrame says. */
export function frameText(frame: Buffer): string {
  const length = frame[1]!;
  return frame.toString("utf8", length < length16 ? 2 : length === length16 ? 4 : 10);
}

/** A ping without payload. */
export const pingFrame: Buffer = Buffer.from([0x89, 0]);
