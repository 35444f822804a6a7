/** What gRPC says in the headers and trailers of HTTP/2. */
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { findTrailerError, parseTimeout } from "@connectrpc/connect/protocol-grpc";
import { grpcContentType } from "#platform/wire/grpc-frame.ts";

export type PlainHeaders = Record<string, string>;

export function setGrpcHeaders(headers: PlainHeaders, timeoutMs: number | undefined) {
  headers["content-type"] = grpcContentType;
  headers.te = "trailers";
  if (timeoutMs !== undefined) headers["grpc-timeout"] = `${Math.ceil(timeoutMs)}m`;
}

/** Plain objects, as nearly all are, are copied without making Headers of them. */
export function toPlainHeaders(header: HeadersInit | undefined): PlainHeaders {
  if (header === undefined) return {};
  if (header instanceof Headers || Array.isArray(header)) return Object.fromEntries(new Headers(header));
  return { ...(header as PlainHeaders) };
}

/** The status stands in the trailers, or in the headers of an answer that is nothing but an error. */
export function requireOk(
  stream: ClientHttp2Stream,
  answered: IncomingHttpHeaders | undefined,
  trailers: IncomingHttpHeaders | undefined,
) {
  if (trailers?.["grpc-status"] === "0") return;
  const told = trailers ?? answered;
  if (told?.["grpc-status"] === undefined) {
    const how =
      stream.rstCode === constants.NGHTTP2_REFUSED_STREAM ? "REFUSED_STREAM" : `code ${stream.rstCode}`;
    throw new ConnectError(`the stream ended without a status (${how})`, Code.Unavailable);
  }
  const names = ["grpc-status", "grpc-message", "grpc-status-details-bin"];
  const status = new Headers(names.flatMap((name) => (told[name] ? [[name, String(told[name])]] : [])));
  throw findTrailerError(status) ?? new ConnectError("no answer", Code.Internal);
}

/** What handlers may look at: everything but HTTP's and gRPC's own. */
export function passedOn(received: IncomingHttpHeaders): PlainHeaders {
  const headers: PlainHeaders = {};
  for (const name in received) {
    const value = received[name];
    if (name[0] !== ":" && typeof value === "string") headers[name] = value;
  }
  return headers;
}

export function deadlineOf(received: IncomingHttpHeaders, maxDeadlineMs: number): number | undefined {
  const given = received["grpc-timeout"];
  if (typeof given !== "string") return undefined;
  const { timeoutMs, error } = parseTimeout(given, maxDeadlineMs);
  if (error) throw error;
  return timeoutMs;
}
