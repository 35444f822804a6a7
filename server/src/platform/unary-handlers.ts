/** The unary RPCs of a service, by their methods; and how one of them is run, whichever way the call came. */
import type {
  DescMessage,
  DescMethod,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  type ContextValues,
  createContextValues,
  createHandlerContext,
  type HandlerContext,
} from "@connectrpc/connect";

type AnyMessage = MessageShape<DescMessage>;
export type UnaryHandler = (request: AnyMessage, context: HandlerContext) => Promise<AnyMessage> | AnyMessage;

export interface UnaryCall {
  method: DescMethodUnary;
  request: AnyMessage;
  protocolName: string;
  url: string;
  timeoutMs: number | undefined;
  signal: AbortSignal | undefined;
  header: HeadersInit | undefined;
  contextValues?: ContextValues | undefined;
}

/** Made once: without a reason, each call would make an exception, with a stack. */
const ended = new ConnectError("the call has ended", Code.Canceled);

/** Rejects with what the handler throws, or at once when the call is aborted or its deadline has passed. */
export async function runUnaryHandler(handler: UnaryHandler, call: UnaryCall) {
  const { method, request, timeoutMs, signal, header } = call;
  const context = createHandlerContext({
    service: method.parent,
    method,
    protocolName: call.protocolName,
    requestMethod: "POST",
    url: call.url,
    contextValues: call.contextValues ?? createContextValues(),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(signal ? { requestSignal: signal } : {}),
    ...(header ? { requestHeader: header } : {}),
  });
  try {
    const answer = handler(request, context);
    const result = timeoutMs || signal ? await untilAborted(context.signal, answer) : await answer;
    const message = create(method.output, result as MessageInitShape<typeof method.output>);
    return { message, context };
  } finally {
    context.abort(ended);
  }
}

export async function untilAborted<T>(signal: AbortSignal, answer: T | Promise<T>): Promise<T> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason ?? new ConnectError("aborted", Code.Canceled));
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([answer, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener("abort", onAbort);
  }
}

/** Runs the routes against a router that only takes note of the implementations. */
export function collectUnaryHandlers(
  routes: (router: ConnectRouter) => void,
): Map<DescMethodUnary, UnaryHandler> {
  const found = new Map<DescMethodUnary, UnaryHandler>();
  const router: Pick<ConnectRouter, "service" | "rpc"> & { handlers: [] } = {
    handlers: [],
    service(service: { methods: readonly DescMethod[] }, implementation: Record<string, unknown>) {
      for (const method of service.methods) {
        const handler = implementation[method.localName];
        if (handler && method.methodKind === "unary")
          found.set(method as DescMethodUnary, handler as UnaryHandler);
      }
      return router as unknown as ConnectRouter;
    },
    rpc(method: DescMethodUnary, implementation: unknown) {
      found.set(method, implementation as UnaryHandler);
      return router as unknown as ConnectRouter;
    },
  } as never;
  routes(router as unknown as ConnectRouter);
  return found;
}
