/** A transport to a service whose calls are measured and, where the trace is recorded, spans of it. */
import type { Transport } from "@connectrpc/connect";
import { createTracedCalls } from "#platform/telemetry/traced-calls.ts";
import type { Telemetry } from "#platform/telemetry.ts";
import { traceparentHeader } from "#platform/trace.ts";

/** The role is that of the service which is called. */
export function traceTransport(transport: Transport, telemetry: Telemetry, role: string): Transport {
  const runTraced = createTracedCalls(telemetry, { side: "client", role });
  return {
    ...transport,
    unary(method, signal, timeoutMs, header, input, contextValues) {
      return runTraced(method, findHeader(header, traceparentHeader), (trace) => {
        const sent = trace ? withHeader(header, traceparentHeader, trace.traceparent) : header;
        return transport.unary(method, signal, timeoutMs, sent, input, contextValues);
      });
    },
  };
}

/** Without a copy, since most calls need none. */
function findHeader(headers: HeadersInit | undefined, name: string): string | null | undefined {
  if (headers === undefined || headers instanceof Headers) return headers?.get(name);
  return Array.isArray(headers) ? new Headers(headers).get(name) : (headers as Record<string, string>)[name];
}

function withHeader(headers: HeadersInit | undefined, name: string, value: string): Headers {
  const copy = new Headers(headers);
  copy.set(name, value);
  return copy;
}
