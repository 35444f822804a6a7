/**
 * The messenger's part of the trace of a send. A batch serves many traces, so what is done for all of them is told in each
 * of those that are recorded, and the others cost nothing.
 */
import { SpanKind } from "@opentelemetry/api";
import type { Send } from "@parley/api/internal/messenger";
import type { SendResult, ValidSend } from "#messenger/group-commit.ts";
import type { ErrorCode } from "#platform/errors.ts";
import { endSpan, startTimes } from "#platform/telemetry/tracing.ts";
import type { Telemetry } from "#platform/telemetry.ts";
import type { Trace } from "#platform/trace.ts";

const name = "parley.internal.v1.MessengerInternalService/SendMessages";

/** By the send's index; undefined when none is recorded. */
export function startSendTraces(
  { tracing }: Telemetry,
  sends: readonly Send[],
): Map<number, Trace> | undefined {
  let traces: Map<number, Trace> | undefined;
  for (let index = 0; index < sends.length; index++) {
    const { traceparent } = sends[index]!;
    if (traceparent === "") continue;
    const attributes = {
      "rpc.system.name": "connectrpc",
      "rpc.method": name,
      "parley.role": "messenger",
      "parley.batch.size": sends.length,
    };
    const trace = tracing.continue(traceparent, name, { kind: SpanKind.SERVER, attributes });
    if (!trace) continue;
    traces ??= new Map();
    traces.set(index, trace);
  }
  return traces;
}

/** What is no SendResult was refused as invalid. */
export function endSendTraces(
  traces: ReadonlyMap<number, Trace>,
  results: ReadonlyArray<SendResult | object>,
): void {
  for (const [index, { span }] of traces) {
    const result = results[index]!;
    const code = "errorCode" in result ? result.errorCode : "message" in result ? undefined : "invalid-input";
    if (span) endSpan(span, code);
  }
}

export function tracedSends(sends: readonly ValidSend[]): Trace[] | undefined {
  let traces: Trace[] | undefined;
  for (const { trace } of sends) {
    if (!trace?.span) continue;
    traces ??= [];
    traces.push(trace);
  }
  return traces;
}

/** The returned function is to be called when the batch is committed, or not. */
export function traceStatement(
  { tracing }: Telemetry,
  traces: readonly Trace[] | undefined,
  batchSize: number,
): ((code: ErrorCode | undefined) => void) | undefined {
  if (!traces) return undefined;
  const { startTime, now } = startTimes();
  const attributes = {
    "db.system.name": "postgresql",
    "db.query.summary": "messenger.send-messages",
    "db.operation.batch.size": batchSize,
  };
  const spans = traces.map((trace) =>
    tracing.child(trace, "commit", { kind: SpanKind.CLIENT, startTime, attributes }),
  );
  return (code) => {
    const endTime = now();
    for (const span of spans) if (span) endSpan(span, code, endTime);
  };
}
