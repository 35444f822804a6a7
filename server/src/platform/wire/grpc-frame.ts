/** One message of gRPC: a flag for compression, its length, itself (the gRPC over HTTP/2 protocol, "Length-Prefixed-Message"). */
import { Code, ConnectError } from "@connectrpc/connect";

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
