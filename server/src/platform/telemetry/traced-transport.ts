/** A transport to a service whose calls are measured and, where the trace is recorded, spans of it. */
import type { Transport } from "@connectrpc/connect";
import { SpanKind } from "@opentelemetry/api";
import { toPublicError } from "#platform/errors.ts";
import { createRpcMetrics, rpcMethod } from "#platform/telemetry/rpc-metrics.ts";
import { endSpan } from "#platform/telemetry/tracing.ts";
import type { Telemetry } from "#platform/telemetry.ts";
import { traceparentHeader } from "#platform/trace.ts";

/** The role is that of the service which is called. */
export function traceTransport(transport: Transport, telemetry: Telemetry, role: string): Transport {
  const record = createRpcMetrics(telemetry, { side: "client", system: "connectrpc", role });
  return {
    ...transport,
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const startedAtMs = performance.now();
      const given = findHeader(header, traceparentHeader);
      const name = rpcMethod(method);
      const attributes = { "rpc.system.name": "connectrpc", "rpc.method": name, "parley.role": role };
      const trace = given
        ? telemetry.tracing.continue(given, name, { kind: SpanKind.CLIENT, attributes })
        : undefined;
      const sent = trace ? withHeader(header, traceparentHeader, trace.traceparent) : header;
      try {
        const answer = await transport.unary(method, signal, timeoutMs, sent, input, contextValues);
        record(method, undefined, startedAtMs);
        if (trace) endSpan(trace.span, undefined);
        return answer;
      } catch (error) {
        const { code } = toPublicError(error);
        record(method, code, startedAtMs);
        if (trace) endSpan(trace.span, code);
        throw error;
      }
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
