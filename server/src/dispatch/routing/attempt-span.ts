/** One request to a provider in the trace of the call that it is made for. */
import { type Span, SpanKind } from "@opentelemetry/api";
import type { SendOutcome } from "#dispatch/sending/sender.ts";
import { activeTrace } from "#platform/telemetry/active-trace.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface AttemptNames {
  readonly providerId: string;
  /** From 1. */
  readonly nth: number;
  readonly isProbe: boolean;
}

/** Undefined: the trace is not recorded. */
export function startAttemptSpan(
  { tracing }: Telemetry,
  { providerId, nth, isProbe }: AttemptNames,
): Span | undefined {
  return tracing.child(activeTrace(), "ask provider", {
    kind: SpanKind.CLIENT,
    attributes: { "parley.provider": providerId, "parley.attempt": nth, "parley.probe": isProbe },
  });
}

/** The price is what it costs if it costs anything. */
export function endAttemptSpan(span: Span, outcome: SendOutcome, priceMicros: number): void {
  const mayCost = outcome.kind !== "refused" && outcome.kind !== "unsent";
  span.setAttributes({
    "parley.outcome": outcome.kind,
    "parley.cost_micros": mayCost ? priceMicros : 0,
    ...("reason" in outcome ? { "parley.reason": outcome.reason } : {}),
  });
  span.end();
}
