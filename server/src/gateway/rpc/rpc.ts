/** gRPC, gRPC-Web and Connect: connect-es speaks the protocols, what is called is the same Call as everywhere. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import {
  type ConnectRouter,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerRequest } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Call, Caller } from "#gateway/call.ts";
import { type CallObserver, chatIdOf, type RpcObserver } from "#gateway/call-observer.ts";
import type { OpenCall } from "#gateway/http/call-context.ts";
import { logFailure } from "#gateway/http/failure-log.ts";
import { traceIdHeader } from "#gateway/http/trace.ts";
import { publicServices, unary } from "#gateway/public-services.ts";
import { readRpcRequest, rpcCompressions, rpcFormat } from "#gateway/rpc/rpc-request.ts";
import { type PublicError, toFault, toPublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";
import type { Trace } from "#platform/trace.ts";

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

export interface RpcOptions {
  call: Call;
  openCall: OpenCall;
  maxBodyBytes: number;
  timeoutMs: number;
  observer: CallObserver;
  log: Log;
}

export interface RpcServer {
  /** False when the path is none of a method: nothing has been done then. */
  handle(request: Request, response: Response): boolean;
}

/** Answers below are not worth the time to compress them. */
const compressMinBytes = 65_536;

export function createRpcServer(options: RpcOptions): RpcServer {
  const router = createConnectRouter({
    acceptCompression: rpcCompressions,
    compressMinBytes,
    jsonOptions: { alwaysEmitImplicit: true },
  });
  for (const service of publicServices) {
    for (const method of service.methods) addMethod(router, unary(method), options);
  }
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return {
    handle(request, response) {
      const handler = handlers.get(request.url?.split("?", 1)[0] ?? "");
      if (!handler) return false;
      void serve(handler, request, response);
      return true;
    },
  };
}

async function serve(handler: UniversalHandler, request: Request, response: Response): Promise<void> {
  try {
    const answer = await handler(withoutBody(request, response));
    if ("stream" in request) leaveRestUnread(request);
    // Not settled by a complete answer, only by one that failed.
    await universalResponseToNodeResponse(answer, response);
  } catch {
    // The client is gone, or its request is not even HTTP that names a host: there is nobody to tell.
    response.destroy();
  }
}

/** Once answered, what is left of a body is not wanted (RFC 9113, 8.1). For HTTP/1.1 Node sees to that by itself. */
function leaveRestUnread(request: Http2ServerRequest) {
  // The trailers are the answer's last part, and are sent by a listener that was there before.
  request.stream.once("wantTrailers", () =>
    setImmediate(() => {
      if (!request.complete) request.stream.close(constants.NGHTTP2_NO_ERROR);
    }),
  );
}

interface Exchange {
  readonly request: Request;
  readonly response: Response;
}

const exchangeKey = createContextKey<Exchange | undefined>(undefined);

/** connect-es is given an empty message: the real one is read by the method, see rpc-request.ts. */
function withoutBody(request: Request, response: Response): UniversalServerRequest {
  const values = createContextValues().set(exchangeKey, { request, response });
  const universal = universalRequestFromNodeRequest(request, response as ServerResponse, undefined, values);
  const { isEnveloped, isJson } = rpcFormat(request.headers["content-type"]);
  const message = Buffer.from(isJson ? "{}" : "");
  const envelope = Buffer.from([0, 0, 0, 0, message.length]);
  for (const name of ["content-encoding", "content-length"]) universal.header.delete(name);
  dropEndlessTimeout(universal.header);
  return { ...universal, body: once(isEnveloped ? Buffer.concat([envelope, message]) : message) };
}

const maxTimerMs = 2_147_483_647;
const unitMs: Record<string, number> = { n: 1e-6, u: 1e-3, m: 1, S: 1_000, M: 60_000, H: 3_600_000 };

/** A timer above its range fires at once; the gateway's own deadline is far shorter anyway. */
export function dropEndlessTimeout(header: Headers) {
  const connect = /^\d{1,10}$/.exec(header.get("connect-timeout-ms") ?? "");
  if (connect && Number(connect[0]) > maxTimerMs) header.delete("connect-timeout-ms");
  const grpc = /^(\d{1,8})([HMSmun])$/.exec(header.get("grpc-timeout") ?? "");
  if (grpc && Number(grpc[1]) * (unitMs[grpc[2]!] ?? 1) > maxTimerMs) header.delete("grpc-timeout");
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

/** What becomes known of a call while it runs. */
interface RunningCall {
  readonly method: DescMethodUnary;
  readonly exchange: Exchange;
  readonly trace: Trace;
  caller?: Caller | undefined;
  chatId?: string | undefined;
}

function addMethod(router: ConnectRouter, method: DescMethodUnary, options: RpcOptions) {
  const grpc = options.observer.of("grpc");
  const connect = options.observer.of("connectrpc");
  router.rpc(method, async (_empty: unknown, context: HandlerContext) => {
    const exchange = context.values.get(exchangeKey)!;
    const observer = rpcFormat(exchange.request.headers["content-type"]).isEnveloped ? grpc : connect;
    return (await observed(observer, { method, exchange, context, options })) as never;
  });
}

interface Handled {
  method: DescMethodUnary;
  exchange: Exchange;
  context: HandlerContext;
  options: RpcOptions;
}

async function observed(observer: RpcObserver, { method, exchange, context, options }: Handled) {
  const startedAtMs = performance.now();
  const trace = observer.accept(method, exchange.request.headers.traceparent);
  const running: RunningCall = { method, exchange, trace };
  let told: PublicError | undefined;
  if (trace.span) context.responseHeader.set(traceIdHeader, trace.traceId);
  try {
    return await run(running, context, options);
  } catch (error) {
    told = toPublicError(error);
    const { caller, chatId } = running;
    logFailure(options.log, { told, error, called: String(method), trace, caller, chatId });
    const answer = toFault(error);
    answer.metadata.set(traceIdHeader, trace.traceId);
    const { retryAfterMs } = told;
    if (retryAfterMs) answer.metadata.set("retry-after", String(Math.ceil(retryAfterMs / 1_000)));
    throw answer;
  } finally {
    const { caller, chatId } = running;
    observer.finished(method, { startedAtMs, trace, told, caller, chatId });
  }
}

async function run(running: RunningCall, context: HandlerContext, options: RpcOptions) {
  const { method, trace } = running;
  const { request, response } = running.exchange;
  const { call, openCall, maxBodyBytes, timeoutMs } = options;
  const callContext = await openCall(method, request, response, context.signal);
  running.caller = callContext.caller;
  const limits = { maxBytes: maxBodyBytes, timeoutMs, signal: context.signal };
  const message = await readRpcRequest(method.input, request, limits);
  running.chatId = chatIdOf(message);
  const clientTimeoutMs = context.timeoutMs();
  return call(method, message, {
    ...callContext,
    trace,
    ...(clientTimeoutMs === undefined ? {} : { timeoutMs: Math.max(1, clientTimeoutMs) }),
  });
}
