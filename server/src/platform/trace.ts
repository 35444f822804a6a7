/**
 * The trace that a call belongs to, and where in it we are. It is handed on explicitly: in CallContext at the gateway,
 * in the "traceparent" header between services, in Send and BusMessage on the way of a message.
 */
import { type Span, type SpanContext, TraceFlags } from "@opentelemetry/api";
import { RandomIdGenerator } from "@opentelemetry/sdk-trace-node";

/** The header, and the name of the fields that stand for it. https://www.w3.org/TR/trace-context/ */
export const traceparentHeader = "traceparent";

// Versions after 00 may add fields behind the flags; ff is no version.
const format = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:$|-.*$)/;
const maxLength = 512;

/** Undefined for one that is malformed: the trace starts anew then. */
export function parseTraceparent(text: unknown): SpanContext | undefined {
  if (typeof text !== "string" || text.length > maxLength) return undefined;
  const [whole, version, traceId, spanId, flags] = format.exec(text) ?? [];
  if (!traceId || !spanId || !flags || (version === "00" && whole!.length !== 55)) return undefined;
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED;
  return { traceId, spanId, traceFlags, isRemote: true };
}

export const isSampled = ({ traceFlags }: SpanContext) => (traceFlags & TraceFlags.SAMPLED) !== 0;

export function formatTraceparent(context: SpanContext): string {
  return `00-${context.traceId}-${context.spanId}-${isSampled(context) ? "01" : "00"}`;
}

/** Ids are to be unique, not secret: node:crypto's random bytes cost ten times as much. */
const ids = new RandomIdGenerator();

export class Trace {
  /** Undefined: not recorded, and nothing further of it is. */
  readonly span: Span | undefined;
  #context: SpanContext | undefined;

  /** One that is not recorded takes its ids from the context, or makes them when they are first asked for. */
  constructor(span: Span | undefined, context?: SpanContext) {
    this.span = span;
    this.#context = context && { ...context, traceFlags: TraceFlags.NONE };
  }

  get #position(): SpanContext {
    this.#context ??= this.span?.spanContext() ?? {
      traceId: ids.generateTraceId(),
      spanId: ids.generateSpanId(),
      traceFlags: TraceFlags.NONE,
    };
    return this.#context;
  }

  get traceId(): string {
    return this.#position.traceId;
  }

  get spanId(): string {
    return this.#position.spanId;
  }

  /** For the next one on the way. */
  get traceparent(): string {
    return formatTraceparent(this.#position);
  }
}
