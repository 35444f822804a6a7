/**
 * Answers unary gRPC calls on the streams of an HTTP/2 server: what connect-es does for calls of all kinds at four times
 * the cost, see docs/decisions/0025-roles-apart.md. Any gRPC client can call it.
 */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { type DescMethodUnary, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { parseTimeout, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { fault, toFault } from "#platform/errors.ts";
import { collectUnaryHandlers, runUnaryHandler, type UnaryHandler } from "#platform/unary-handlers.ts";
import type { PlainHeaders } from "#platform/wire/grpc-client.ts";
import { fromGrpcFrame, grpcContentType, toGrpcFrame } from "#platform/wire/grpc-frame.ts";

export interface ReceivedCall {
  readonly method: DescMethodUnary;
  /** May be changed before the handler sees them. */
  readonly headers: PlainHeaders;
  /** Once it has been read. */
  request?: unknown;
}

export interface GrpcServerOptions {
  routes(router: ConnectRouter): void;
  maxMessageBytes: number;
  maxDeadlineMs: number;
  /** Refuses a call by rejecting, before its body is read. */
  admit(call: ReceivedCall): Promise<void>;
  /** Told of every call that fails. */
  onFailure(call: ReceivedCall, error: unknown): void;
  /** Sent with every answer. */
  answerHeaders(): PlainHeaders;
}

interface Route {
  method: DescMethodUnary;
  handler: UnaryHandler;
}

/** For the "stream" event. Never throws. */
export function createGrpcServer(options: GrpcServerOptions) {
  const routes = new Map<string, Route>();
  for (const [method, handler] of collectUnaryHandlers(options.routes)) {
    routes.set(`/${method.parent.typeName}/${method.name}`, { method, handler });
  }
  return (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    // It ends with its own call; whoever waits for it has gone.
    stream.on("error", () => {});
    if (!headers["content-type"]?.startsWith("application/grpc")) return refuse(stream, 415);
    if (headers[":method"] !== "POST") return refuse(stream, 405);
    const route = routes.get(headers[":path"] ?? "");
    if (route) void serve(stream, headers, route, options);
    else answerError(stream, fault("route-not-found"), options.answerHeaders());
  };
}

function refuse(stream: ServerHttp2Stream, status: number) {
  stream.respond({ ":status": status }, { endStream: true });
  stopReading(stream);
}

/** Once answered, what is left of a body is not wanted (RFC 9113, 8.1); but the answer goes first. */
function stopReading(stream: ServerHttp2Stream) {
  stream.resume();
  setImmediate(() => {
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  });
}

async function serve(
  stream: ServerHttp2Stream,
  received: IncomingHttpHeaders,
  { method, handler }: Route,
  options: GrpcServerOptions,
) {
  const gone = new AbortController();
  stream.once("aborted", () => gone.abort(fault("cancelled")));
  const call: ReceivedCall = { method, headers: passedOn(received) };
  try {
    await options.admit(call);
    const timeoutMs = deadlineOf(received, options.maxDeadlineMs);
    const request = decode(method, await readAll(stream, options.maxMessageBytes));
    call.request = request;
    const { message } = await runUnaryHandler(handler, {
      method,
      request,
      protocolName: "grpc",
      url: `http://service${received[":path"]}`,
      timeoutMs,
      signal: gone.signal,
      header: call.headers,
    });
    answer(stream, toBinary(method.output, message), options.answerHeaders());
  } catch (error) {
    options.onFailure(call, error);
    answerError(stream, toFault(error), options.answerHeaders());
  }
}

function decode({ input }: DescMethodUnary, chunks: readonly Buffer[]): Message {
  const message = fromGrpcFrame(chunks);
  try {
    return fromBinary(input, message);
  } catch (cause) {
    throw fault("malformed-request", { cause });
  }
}

/** What handlers may look at: everything but HTTP's and gRPC's own. */
function passedOn(received: IncomingHttpHeaders): PlainHeaders {
  const headers: PlainHeaders = {};
  for (const name in received) {
    const value = received[name];
    if (name[0] !== ":" && typeof value === "string") headers[name] = value;
  }
  return headers;
}

function deadlineOf(received: IncomingHttpHeaders, maxDeadlineMs: number): number | undefined {
  const given = received["grpc-timeout"];
  if (typeof given !== "string") return undefined;
  const { timeoutMs, error } = parseTimeout(given, maxDeadlineMs);
  if (error) throw error;
  return timeoutMs;
}

function readAll(stream: ServerHttp2Stream, maxBytes: number): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    stream.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes) reject(fault("too-large"));
    });
    stream.once("end", () => resolve(chunks));
    stream.once("close", () => reject(new ConnectError("the caller went away", Code.Canceled)));
  });
}

function answer(stream: ServerHttp2Stream, message: Uint8Array, headers: PlainHeaders) {
  if (stream.closed || stream.destroyed) return;
  stream.respond({ ":status": 200, "content-type": grpcContentType, ...headers }, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(toGrpcFrame(message));
}

/** An answer that is headers only. */
function answerError(stream: ServerHttp2Stream, error: ConnectError, headers: PlainHeaders) {
  if (stream.closed || stream.destroyed) return;
  const status = Object.fromEntries(setTrailerStatus(new Headers(), error));
  const all = { ":status": 200, "content-type": grpcContentType, ...headers, ...status };
  stream.respond(all, { endStream: true });
  stopReading(stream);
}
