/** A call between two of Parley's parts, as each end tells of it: measured, and a span where its trace is recorded. */
import type { DescMethod } from "@bufbuild/protobuf";
import { SpanKind } from "@opentelemetry/api";
import { type ErrorCode, toPublicError } from "#platform/errors.ts";
import { createRpcMetrics, rpcMethod } from "#platform/telemetry/rpc-metrics.ts";
import { endSpan, type RecordedTrace } from "#platform/telemetry/tracing.ts";
import type { Telemetry } from "#platform/telemetry.ts";

const system = "connectrpc";

export interface TracedCallsOptions {
  side: "client" | "server";
  /** Of the service that is called. */
  role: string;
}

/** Settles as the call does, which is handed its span; undefined when the trace is not recorded. */
export type RunTraced = <T>(
  method: DescMethod,
  traceparent: string | null | undefined,
  call: (trace: RecordedTrace | undefined) => T | Promise<T>,
) => Promise<T>;

/** The same for a call whose answer is a stream: it lasts until that ends, or is given up. */
export type RunTracedStream = <T>(
  method: DescMethod,
  traceparent: string | null | undefined,
  call: (trace: RecordedTrace | undefined) => AsyncIterable<T>,
) => AsyncGenerator<T>;

export interface TracedCalls {
  run: RunTraced;
  runStream: RunTracedStream;
}

export function createTracedCalls(telemetry: Telemetry, { side, role }: TracedCallsOptions): TracedCalls {
  const record = createRpcMetrics(telemetry, { side, system, role });
  const kind = side === "client" ? SpanKind.CLIENT : SpanKind.SERVER;
  const start = (method: DescMethod, traceparent: string) => {
    const name = rpcMethod(method);
    const attributes = { "rpc.system.name": system, "rpc.method": name, "parley.role": role };
    return telemetry.tracing.continue(traceparent, name, { kind, attributes });
  };
  return {
    async run(method, traceparent, call) {
      const startedAtMs = performance.now();
      const trace = traceparent ? start(method, traceparent) : undefined;
      let code: ErrorCode | undefined;
      try {
        return await call(trace);
      } catch (error) {
        code = toPublicError(error).code;
        throw error;
      } finally {
        record(method, code, startedAtMs);
        if (trace) endSpan(trace.span, code);
      }
    },
    async *runStream(method, traceparent, call) {
      const startedAtMs = performance.now();
      const trace = traceparent ? start(method, traceparent) : undefined;
      let code: ErrorCode | undefined;
      try {
        yield* call(trace);
      } catch (error) {
        code = toPublicError(error).code;
        throw error;
      } finally {
        record(method, code, startedAtMs);
        if (trace) endSpan(trace.span, code);
      }
    },
  };
}
