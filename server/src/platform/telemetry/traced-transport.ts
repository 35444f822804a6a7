/** A transport to a service whose calls are measured and, where the trace is recorded, spans of it. */
import type { Transport } from "@connectrpc/connect";
import { streamResponse } from "#platform/stream-response.ts";
import { createTracedCalls } from "#platform/telemetry/traced-calls.ts";
import type { Telemetry } from "#platform/telemetry.ts";
import { traceparentHeader } from "#platform/trace.ts";

/** The role is that of the service which is called. */
export function traceTransport(transport: Transport, telemetry: Telemetry, role: string): Transport {
  const traced = createTracedCalls(telemetry, { side: "client", role });
  return {
    unary(method, signal, timeoutMs, header, input, contextValues) {
      return traced.run(method, findHeader(header, traceparentHeader), (trace) => {
        const sent = trace ? withHeader(header, traceparentHeader, trace.traceparent) : header;
        return transport.unary(method, signal, timeoutMs, sent, input, contextValues);
      });
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      const answers = traced.runStream(
        method,
        findHeader(header, traceparentHeader),
        async function* (trace) {
          const sent = trace ? withHeader(header, traceparentHeader, trace.traceparent) : header;
          const response = await transport.stream(method, signal, timeoutMs, sent, input, contextValues);
          yield* response.message;
        },
      );
      return streamResponse(method, answers);
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
