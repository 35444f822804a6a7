/** One message of gRPC: a flag for compression, its length, itself (the gRPC over HTTP/2 protocol, "Length-Prefixed-Message"). */
import { Code, ConnectError } from "@connectrpc/connect";
import { fault } from "#platform/errors.ts";

const prefixBytes = 5;

export function toGrpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(prefixBytes + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, prefixBytes);
  return frame;
}

/** The only message of a body. */
export function fromGrpcFrame(chunks: readonly Buffer[]): Buffer {
  const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  if (body.length < prefixBytes || body.readUInt32BE(1) !== body.length - prefixBytes) {
    throw new ConnectError("not one gRPC message", Code.InvalidArgument);
  }
  if (body[0] !== 0) throw new ConnectError("compressed messages are not accepted", Code.Unimplemented);
  return body.subarray(prefixBytes);
}

export const grpcContentType = "application/grpc+proto";

/**
 * The messages of a body as it comes, cut anywhere. A message that lies within one chunk is a view of it; another one is put
 * together once, so that no more than one message is held. Throws what a message that is too large or compressed is
 * refused with.
 */
export async function* readGrpcFrames(
  chunks: AsyncIterable<Uint8Array>,
  maxMessageBytes: number,
): AsyncGenerator<Uint8Array> {
  const prefix = Buffer.allocUnsafe(prefixBytes);
  let prefixHas = 0;
  let message: Uint8Array | undefined;
  let messageHas = 0;
  for await (const chunk of chunks) {
    let at = 0;
    while (at < chunk.length) {
      if (prefixHas < prefixBytes) {
        const taken = Math.min(prefixBytes - prefixHas, chunk.length - at);
        prefix.set(chunk.subarray(at, at + taken), prefixHas);
        at += taken;
        prefixHas += taken;
        if (prefixHas < prefixBytes) break;
      }
      const length = lengthOf(prefix, maxMessageBytes);
      const taken = Math.min(length - messageHas, chunk.length - at);
      const part = chunk.subarray(at, at + taken);
      at += taken;
      if (taken > 0 && taken < length) {
        message ??= Buffer.allocUnsafeSlow(length);
        message.set(part, messageHas);
      }
      messageHas += taken;
      if (messageHas < length) break;
      yield message ?? part;
      message = undefined;
      messageHas = 0;
      prefixHas = 0;
    }
  }
  if (prefixHas > 0) throw new ConnectError("not whole gRPC messages", Code.InvalidArgument);
}

function lengthOf(prefix: Buffer, maxMessageBytes: number): number {
  if (prefix[0] !== 0) throw new ConnectError("compressed messages are not accepted", Code.Unimplemented);
  const length = prefix.readUInt32BE(1);
  if (length > maxMessageBytes) throw fault("too-large");
  return length;
}
