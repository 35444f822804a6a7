/**
 * The streaming RPCs of a service, by their methods; and how one of them is run, whichever way the call came. One side
 * streams, never both: bytes that come (client streaming), or bytes that are read (server streaming).
 */
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodStreaming,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createContextValues,
  createHandlerContext,
  type HandlerContext,
} from "@connectrpc/connect";
import { fault } from "#platform/errors.ts";

type AnyMessage = MessageShape<DescMessage>;
type AnyInit = MessageInitShape<DescMessage>;
type ReadHandler = (request: AnyMessage, context: HandlerContext) => AsyncIterable<AnyInit>;
type WriteHandler = (requests: AsyncIterable<AnyMessage>, context: HandlerContext) => Promise<AnyInit>;
export type StreamHandler = ReadHandler | WriteHandler;

export interface StreamCall {
  method: DescMethodStreaming;
  requests: AsyncIterable<AnyMessage>;
  protocolName: string;
  url: string;
  timeoutMs: number | undefined;
  signal: AbortSignal | undefined;
  header: HeadersInit | undefined;
}

const ended = new ConnectError("the call has ended", Code.Canceled);

/** Runs as it is iterated, and ends early when the iteration is given up. Throws what the handler throws. */
export async function* runStreamHandler(
  handler: StreamHandler,
  call: StreamCall,
): AsyncGenerator<AnyMessage> {
  const { method, timeoutMs, signal, header } = call;
  const context = createHandlerContext({
    service: method.parent,
    method,
    protocolName: call.protocolName,
    requestMethod: "POST",
    url: call.url,
    contextValues: createContextValues(),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(signal ? { requestSignal: signal } : {}),
    ...(header ? { requestHeader: header } : {}),
  });
  const toMessage = (init: AnyInit) => create(method.output, init as never) as AnyMessage;
  try {
    if (method.methodKind === "client_streaming") {
      yield toMessage(await (handler as WriteHandler)(call.requests, context));
      return;
    }
    const request = await onlyOne(call.requests);
    for await (const answer of (handler as ReadHandler)(request, context)) yield toMessage(answer);
  } finally {
    context.abort(ended);
  }
}

async function onlyOne(requests: AsyncIterable<AnyMessage>): Promise<AnyMessage> {
  for await (const request of requests) return request;
  throw fault("malformed-request", { detail: "The request is missing" });
}

/** Runs the routes against a router that only takes note of the implementations. */
export function collectStreamHandlers(
  routes: (router: ConnectRouter) => void,
): Map<DescMethodStreaming, StreamHandler> {
  const found = new Map<DescMethodStreaming, StreamHandler>();
  const note = (method: DescMethod, handler: unknown) => {
    if (method.methodKind !== "unary") found.set(method as DescMethodStreaming, handler as StreamHandler);
  };
  const router = {
    handlers: [],
    service(service: { methods: readonly DescMethod[] }, implementation: Record<string, unknown>) {
      for (const method of service.methods) {
        const handler = implementation[method.localName];
        if (handler) note(method, handler);
      }
      return router;
    },
    rpc(method: DescMethod, implementation: unknown) {
      note(method, implementation);
      return router;
    },
  };
  routes(router as unknown as ConnectRouter);
  return found;
}
