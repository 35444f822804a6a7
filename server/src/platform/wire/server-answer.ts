/** How gRPC calls are answered on a server's streams of HTTP/2. Nothing is said to those that have gone. */
import { constants, type ServerHttp2Stream } from "node:http2";
import type { ConnectError } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { grpcContentType } from "#platform/wire/grpc-frame.ts";
import type { PlainHeaders } from "#platform/wire/grpc-headers.ts";

const isGone = (stream: ServerHttp2Stream) => stream.closed || stream.destroyed;

/** What is written after this, and the end, are its body. */
export function beginAnswer(stream: ServerHttp2Stream, headers: PlainHeaders) {
  if (isGone(stream)) return;
  stream.respond({ ":status": 200, "content-type": grpcContentType, ...headers }, { waitForTrailers: true });
}

export function endAnswer(stream: ServerHttp2Stream, body?: Uint8Array) {
  endWith(stream, { "grpc-status": "0" }, body);
}

/** Headers only, unless the answer has begun. */
export function answerError(stream: ServerHttp2Stream, error: ConnectError, headers: PlainHeaders) {
  if (isGone(stream)) return;
  const status = Object.fromEntries(setTrailerStatus(new Headers(), error));
  if (stream.headersSent) return endWith(stream, status);
  const all = { ":status": 200, "content-type": grpcContentType, ...headers, ...status };
  stream.respond(all, { endStream: true });
  stopReading(stream);
}

/** For what is no gRPC. */
export function refuse(stream: ServerHttp2Stream, status: number) {
  stream.respond({ ":status": status }, { endStream: true });
  stopReading(stream);
}

function endWith(stream: ServerHttp2Stream, trailers: PlainHeaders, body?: Uint8Array) {
  if (isGone(stream)) return;
  stream.once("wantTrailers", () => {
    stream.sendTrailers(trailers);
    if (!stream.readableEnded) stopReading(stream);
  });
  if (body) stream.end(body);
  else stream.end();
}

/** Once answered, what is left of a body is not wanted (RFC 9113, 8.1); but the answer goes first. */
function stopReading(stream: ServerHttp2Stream) {
  stream.resume();
  setImmediate(() => {
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  });
}
