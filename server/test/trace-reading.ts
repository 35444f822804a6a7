/** A client's own traceparent, and what a collector was told of the trace that goes on from it. */
import { randomBytes } from "node:crypto";
import type { CollectedSpan } from "#test/collector.ts";

export const newTraceparent = (flags = "01") =>
  `00-${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-${flags}`;
export const traceIdOf = (traceparent: string) => traceparent.split("-")[1]!;
export const clientSpanOf = (traceparent: string) => traceparent.split("-")[2]!;

const kinds = ["", "internal", "server", "client", "producer", "consumer"];

/** Name, kind and process from the client's span down to this one. */
export function wayTo(spans: readonly CollectedSpan[], last: CollectedSpan): string[] {
  const way: string[] = [];
  for (let span: CollectedSpan | undefined = last; span; ) {
    way.unshift(`${span.name} (${kinds[span.kind]}, ${span.service})`);
    const { parentSpanId }: CollectedSpan = span;
    span = spans.find(({ spanId }) => spanId === parentSpanId);
  }
  return way;
}
