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
import { untilAborted } from "#platform/unary-handlers.ts";

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

/**
 * Runs as it is iterated, and ends early when the iteration is given up. Throws what the handler throws, or at once
 * when the call is aborted or its deadline has passed; then the handler's iteration, and the requests', are returned.
 */
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
  const requests = call.requests[Symbol.asyncIterator]();
  returnOnAbort(requests, context.signal);
  const toMessage = (init: AnyInit) => create(method.output, init as never) as AnyMessage;
  try {
    context.signal.throwIfAborted();
    if (method.methodKind === "client_streaming") {
      const answer = (handler as WriteHandler)(iterableOf(requests), context);
      yield toMessage(await untilAborted(context.signal, answer));
      return;
    }
    const request = await untilAborted(context.signal, onlyOne(requests));
    const answers = (handler as ReadHandler)(request, context)[Symbol.asyncIterator]();
    returnOnAbort(answers, context.signal);
    for (;;) {
      const next = await untilAborted(context.signal, answers.next());
      if (next.done) return;
      yield toMessage(next.value);
    }
  } finally {
    context.abort(ended);
  }
}

/** Also of one that waits to be asked for more, and never will be: what it holds must be let go. */
function returnOnAbort(iterator: AsyncIterator<unknown>, signal: AbortSignal) {
  const giveBack = () => void iterator.return?.().catch(() => {});
  signal.addEventListener("abort", giveBack, { once: true });
}

const iterableOf = <T>(iterator: AsyncIterator<T>): AsyncIterable<T> => ({
  [Symbol.asyncIterator]: () => iterator,
});

async function onlyOne(requests: AsyncIterator<AnyMessage>): Promise<AnyMessage> {
  const first = await requests.next();
  if (first.done) throw fault("malformed-request", { detail: "The request is missing" });
  return first.value;
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
