/**
 * A service whose calls are measured and, where the caller's trace is recorded, spans of it. Works on what every way to
 * call a service hands over, the request's headers, and so alike in one process and over the wire.
 */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import type { Service } from "#platform/service.ts";
import { runInTrace } from "#platform/telemetry/active-trace.ts";
import { createTracedCalls } from "#platform/telemetry/traced-calls.ts";
import type { Telemetry } from "#platform/telemetry.ts";
import { traceparentHeader } from "#platform/trace.ts";

type Implementation = (request: never, context: HandlerContext) => unknown;

export function traceService(service: Service, telemetry: Telemetry): Service {
  const traced = createTracedCalls(telemetry, { side: "server", role: service.name });
  const wrap = (method: DescMethod, implementation: Implementation): Implementation => {
    if (method.methodKind === "server_streaming") {
      return (request, context) =>
        traced.runStream(method, context.requestHeader.get(traceparentHeader), (trace) =>
          runInTrace(trace, () => implementation(request, context) as AsyncIterable<unknown>),
        );
    }
    return (request, context) =>
      traced.run(method, context.requestHeader.get(traceparentHeader), (trace) =>
        runInTrace(trace, () => implementation(request, context)),
      );
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
