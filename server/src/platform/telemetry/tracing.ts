/** Starts spans: at the gateway by the sampler's decision, elsewhere only where the caller's trace is recorded. */
import {
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanOptions,
  SpanStatusCode,
  type Tracer,
  trace as traceApi,
} from "@opentelemetry/api";
import { type ErrorCode, errorKinds } from "#platform/errors.ts";
import type { Sampler } from "#platform/telemetry/sampler.ts";
import { parseTraceparent, Trace } from "#platform/trace.ts";

export interface Tracing {
  /** A call from outside: its trace goes on, or a new one begins. */
  accept(traceparent: unknown, name: string, options: SpanOptions): Trace;
  /** As accept, but undefined where there is neither a trace to go on with nor one to record. Costs next to nothing then. */
  acceptCheaply(traceparent: string | undefined, name: string, options: SpanOptions): Trace | undefined;
  /** What another part of Parley began, which has made the decision. Undefined when the trace is not recorded. */
  continue(traceparent: string, name: string, options: SpanOptions): RecordedTrace | undefined;
  /** Undefined when the trace is not recorded. */
  child(parent: Trace | undefined, name: string, options: SpanOptions): Span | undefined;
}

export type RecordedTrace = Trace & { readonly span: Span };

export function createTracing(tracer: Tracer, sampler: Sampler): Tracing {
  const start = (name: string, options: SpanOptions, parent: SpanContext | undefined) =>
    new Trace(tracer.startSpan(name, options, parent ? contextOf(parent) : ROOT_CONTEXT)) as RecordedTrace;
  const accept: Tracing["accept"] = (traceparent, name, options) => {
    const parent = parseTraceparent(traceparent);
    return sampler.decide(parent) ? start(name, options, parent) : new Trace(undefined, parent);
  };
  return {
    accept,
    acceptCheaply(traceparent, name, options) {
      if (traceparent !== undefined) return accept(traceparent, name, options);
      return sampler.decide(undefined) ? start(name, options, undefined) : undefined;
    },
    continue(traceparent, name, options) {
      // As formatTraceparent writes it: most are not recorded, and this is all that they cost.
      if (!traceparent.endsWith("-01")) return undefined;
      const parent = parseTraceparent(traceparent);
      return parent && start(name, options, parent);
    },
    child: (parent, name, options) =>
      parent?.span && tracer.startSpan(name, options, contextOf(parent.span.spanContext())),
  };
}

const contextOf = (parent: SpanContext) => traceApi.setSpanContext(ROOT_CONTEXT, parent);

/** The failure is said by its code only: messages of errors can hold what people wrote. */
export function endSpan(span: Span, code: ErrorCode | undefined, endTimeMs?: number): void {
  if (code) {
    span.setAttribute("error.type", code);
    if (errorKinds[code].status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end(endTimeMs);
}

/**
 * Times for spans that are made after the fact: wall clock for the place among other pods' spans, steady clock for the
 * length.
 */
export function startTimes(): { startTime: number; now(): number } {
  const startTime = Date.now();
  const startedAtMs = performance.now();
  return { startTime, now: () => startTime + performance.now() - startedAtMs };
}
