/**
 * Answers gRPC calls on the streams of an HTTP/2 server: unary ones here, streaming ones in grpc-server-stream.ts. What
 * connect-es does at four times the cost, see docs/decisions/0025-roles-apart.md. Any gRPC client can call it.
 */
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import {
  type DescMethod,
  type DescMethodUnary,
  fromBinary,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { fault, toFault } from "#platform/errors.ts";
import { collectStreamHandlers } from "#platform/stream-handlers.ts";
import { collectUnaryHandlers, runUnaryHandler, type UnaryHandler } from "#platform/unary-handlers.ts";
import { fromGrpcFrame, toGrpcFrame } from "#platform/wire/grpc-frame.ts";
import { deadlineOf, passedOn } from "#platform/wire/grpc-headers.ts";
import type { GrpcServerOptions, ReceivedCall } from "#platform/wire/grpc-options.ts";
import { serveStreaming } from "#platform/wire/grpc-server-stream.ts";
import { answerError, beginAnswer, endAnswer, refuse } from "#platform/wire/server-answer.ts";

interface UnaryRoute {
  method: DescMethodUnary;
  handler: UnaryHandler;
}

type Serve = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => Promise<void>;

/** For the "stream" event. Never throws. */
export function createGrpcServer(options: GrpcServerOptions) {
  const routes = new Map<string, Serve>();
  const pathOf = (method: DescMethod) => `/${method.parent.typeName}/${method.name}`;
  for (const [method, handler] of collectUnaryHandlers(options.routes)) {
    const route = { method, handler };
    routes.set(pathOf(method), (stream, headers) => serve(stream, headers, route, options));
  }
  for (const [method, handler] of collectStreamHandlers(options.routes)) {
    const route = { method, handler };
    routes.set(pathOf(method), (stream, headers) => serveStreaming(stream, headers, route, options));
  }
  return (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    // It ends with its own call; whoever waits for it has gone.
    stream.on("error", () => {});
    if (!headers["content-type"]?.startsWith("application/grpc")) return refuse(stream, 415);
    if (headers[":method"] !== "POST") return refuse(stream, 405);
    const route = routes.get(headers[":path"] ?? "");
    if (route) void route(stream, headers);
    else answerError(stream, fault("route-not-found"), options.answerHeaders());
  };
}

async function serve(
  stream: ServerHttp2Stream,
  received: IncomingHttpHeaders,
  { method, handler }: UnaryRoute,
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
    beginAnswer(stream, options.answerHeaders());
    endAnswer(stream, toGrpcFrame(toBinary(method.output, message)));
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
