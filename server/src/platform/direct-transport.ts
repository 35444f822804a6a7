/**
 * A Connect transport that calls a service of the same process by reference: no bytes, no HTTP. What a caller can
 * observe stays as over the wire: error codes and details, headers, deadline, abort.
 *
 * connect-es ships createRouterTransport, which serialises each call and costs tens of microseconds; the hot path
 * and history reads go through here, see docs/decisions/0004-direct-transport.md.
 */
import {
  create,
  type DescMessage,
  type DescMethodUnary,
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
  type Transport,
  type UnaryResponse,
} from "@connectrpc/connect";
import { fault, toFault } from "#platform/errors.ts";

type AnyMessage = MessageShape<DescMessage>;
type AnyUnaryImpl = (request: AnyMessage, context: HandlerContext) => Promise<AnyMessage> | AnyMessage;

/** Made once: without a reason, each call would make an exception, with a stack. */
const ended = new ConnectError("the call has ended", Code.Canceled);

export function createDirectTransport(routes: (router: ConnectRouter) => void): Transport {
  const implementations = collectUnary(routes);
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const implementation = implementations.get(method);
      if (!implementation) throw fault("route-not-found");
      if (signal?.aborted) throw fault("cancelled");
      const context = createHandlerContext({
        service: method.parent,
        method,
        protocolName: "direct",
        requestMethod: "POST",
        url: `direct:///${method.parent.typeName}/${method.name}`,
        contextValues: contextValues ?? createContextValues(),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...(signal ? { requestSignal: signal } : {}),
        ...(header ? { requestHeader: header } : {}),
      });
      try {
        const request = create(method.input, input as MessageInitShape<typeof method.input>);
        const answer = implementation(request, context);
        const result = timeoutMs || signal ? await untilAborted(context.signal, answer) : await answer;
        return response(
          method,
          create(method.output, result as MessageInitShape<typeof method.output>),
          context,
        );
      } catch (error) {
        throw toFault(error);
      } finally {
        context.abort(ended);
      }
    },
    async stream() {
      throw fault("route-not-found", { detail: "Streaming calls do not exist" });
    },
  };
}

function response<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  message: UnaryResponse<I, O>["message"],
  context: { responseHeader: Headers; responseTrailer: Headers },
): UnaryResponse<I, O> {
  return {
    stream: false,
    service: method.parent,
    method,
    message,
    header: context.responseHeader,
    trailer: context.responseTrailer,
  };
}

async function untilAborted<T>(signal: AbortSignal, answer: T | Promise<T>): Promise<T> {
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
function collectUnary(routes: (router: ConnectRouter) => void): Map<DescMethodUnary, AnyUnaryImpl> {
  const found = new Map<DescMethodUnary, AnyUnaryImpl>();
  const router: Pick<ConnectRouter, "service" | "rpc"> & { handlers: [] } = {
    handlers: [],
    service(service: { methods: readonly { localName: string }[] }, implementation: Record<string, unknown>) {
      for (const method of service.methods) {
        const handler = implementation[method.localName];
        if (handler) found.set(method as DescMethodUnary, handler as AnyUnaryImpl);
      }
      return router as unknown as ConnectRouter;
    },
    rpc(method: DescMethodUnary, implementation: unknown) {
      found.set(method, implementation as AnyUnaryImpl);
      return router as unknown as ConnectRouter;
    },
  } as never;
  routes(router as unknown as ConnectRouter);
  return found;
}
