/**
 * A service whose calls are measured and, where the caller's trace is recorded, spans of it. Works on what every way to
 * call a service hands over, the request's headers, and so alike in one process and over the wire.
 */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { SpanKind } from "@opentelemetry/api";
import { toPublicError } from "#platform/errors.ts";
import type { Service } from "#platform/service.ts";
import { runInTrace } from "#platform/telemetry/active-trace.ts";
import { createRpcMetrics, rpcMethod } from "#platform/telemetry/rpc-metrics.ts";
import { endSpan } from "#platform/telemetry/tracing.ts";
import type { Telemetry } from "#platform/telemetry.ts";
import { traceparentHeader } from "#platform/trace.ts";

type Implementation = (request: never, context: HandlerContext) => unknown;

export function traceService(service: Service, telemetry: Telemetry): Service {
  const record = createRpcMetrics(telemetry, { side: "server", system: "connectrpc", role: service.name });
  const wrap = (method: DescMethod, implementation: Implementation): Implementation => {
    const name = rpcMethod(method);
    const options = {
      kind: SpanKind.SERVER,
      attributes: { "rpc.system.name": "connectrpc", "rpc.method": name, "parley.role": service.name },
    };
    return async (request, context) => {
      const startedAtMs = performance.now();
      const header = context.requestHeader.get(traceparentHeader);
      const trace = header ? telemetry.tracing.continue(header, name, options) : undefined;
      try {
        const answer = await runInTrace(trace, () => implementation(request, context));
        record(method, undefined, startedAtMs);
        if (trace) endSpan(trace.span, undefined);
        return answer;
      } catch (error) {
        const { code } = toPublicError(error);
        record(method, code, startedAtMs);
        if (trace) endSpan(trace.span, code);
        throw error;
      }
    };
  };
  return { ...service, routes: (router) => service.routes(wrapping(router, wrap)) };
}

function wrapping(
  router: ConnectRouter,
  wrap: (method: DescMethod, implementation: Implementation) => Implementation,
): ConnectRouter {
  const wrapped = {
    ...router,
    service(service: DescService, implementation: Record<string, Implementation>, options?: object) {
      const entries = service.methods.flatMap((method) => {
        const one = implementation[method.localName];
        return one ? [[method.localName, wrap(method, one.bind(implementation))]] : [];
      });
      router.service(service, Object.fromEntries(entries), options);
      return wrapped;
    },
    rpc(method: DescMethod, implementation: Implementation, options?: object) {
      router.rpc(method as never, wrap(method, implementation) as never, options);
      return wrapped;
    },
  } as unknown as ConnectRouter;
  return wrapped;
}
