/**
 * Reads the request message of a gRPC, gRPC-Web or Connect call. connect-es could do it too, but its errors carry no
 * code of Parley's registry and name no field, and it takes broken protobuf for an internal error.
 */
import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { type DescMessage, fromBinary, type Message } from "@bufbuild/protobuf";
import { compressionGzip } from "@connectrpc/connect-node";
import { decodeJson, parseJsonBytes } from "#gateway/json/json-decoder.ts";
import { type ReadLimits, readBytes } from "#gateway/rpc/read-bytes.ts";
import { fault } from "#platform/errors.ts";

/** No Brotli: connect-es compresses at its highest quality, which takes seconds of a processor for a page of history. */
export const rpcCompressions = [compressionGzip];

export interface RpcFormat {
  /** gRPC and gRPC-Web put a prefix before the message: flags and length. */
  readonly isEnveloped: boolean;
  readonly isJson: boolean;
}

export function rpcFormat(contentType: string | undefined): RpcFormat {
  const type = (contentType ?? "").split(";", 1)[0]!.trim().toLowerCase();
  return { isEnveloped: type.startsWith("application/grpc"), isJson: type.endsWith("json") };
}

/** Throws "malformed-request", "invalid-input", "too-large", "timeout", or what the signal was aborted with. */
export async function readRpcRequest(
  schema: DescMessage,
  request: IncomingMessage | Http2ServerRequest,
  limits: ReadLimits,
): Promise<Message> {
  const format = rpcFormat(request.headers["content-type"]);
  const body = await readBytes(request, { ...limits, maxBytes: limits.maxBytes + envelopeBytes });
  const encoding = request.headers[format.isEnveloped ? "grpc-encoding" : "content-encoding"];
  const { bytes, isCompressed } = format.isEnveloped
    ? openEnvelope(body)
    : { bytes: body, isCompressed: true };
  if (bytes.length > limits.maxBytes) throw fault("too-large");
  const plain = isCompressed
    ? await decompress(bytes, String(encoding ?? "identity"), limits.maxBytes)
    : bytes;
  return format.isJson ? decodeJson(schema, parseJsonBytes(plain)) : decodeBinary(schema, plain);
}

const envelopeBytes = 5;
const compressedFlag = 1;

/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: exactly one Length-Prefixed-Message. */
function openEnvelope(body: Buffer): { bytes: Buffer; isCompressed: boolean } {
  const flags = body[0] ?? 0;
  const isWhole = body.length >= envelopeBytes && body.readUInt32BE(1) === body.length - envelopeBytes;
  if (!isWhole || flags > compressedFlag) {
    throw fault("malformed-request", { detail: "The body must be one length-prefixed message" });
  }
  return { bytes: body.subarray(envelopeBytes), isCompressed: flags === compressedFlag };
}

async function decompress(bytes: Buffer, encoding: string, maxBytes: number): Promise<Uint8Array> {
  if (encoding === "identity") return bytes;
  const compression = rpcCompressions.find(({ name }) => name === encoding);
  if (!compression) throw fault("unsupported-media-type", { detail: "Compression must be gzip or br" });
  try {
    return await compression.decompress(bytes, maxBytes);
  } catch (error) {
    const isTooLarge = (error as { cause?: { code?: string } }).cause?.code === "ERR_BUFFER_TOO_LARGE";
    if (isTooLarge) throw fault("too-large", { cause: error });
    throw fault("malformed-request", { detail: "The body cannot be decompressed", cause: error });
  }
}

/** Fields that the message does not know are kept by protobuf on purpose: binary clients may be newer than the server. */
function decodeBinary(schema: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    throw fault("malformed-request", { detail: "The body is not valid protobuf", cause: error });
  }
}
