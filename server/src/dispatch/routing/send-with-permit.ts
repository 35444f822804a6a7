/** One request on its way to a provider, as operators see it: in the trace, in the metrics, in the time that it took. */
import type { Permit } from "#dispatch/permits/permits.ts";
import type { Provider } from "#dispatch/providers/catalogue.ts";
import { endAttemptSpan, startAttemptSpan } from "#dispatch/routing/attempt-span.ts";
import type { Passage } from "#dispatch/routing/passage.ts";
import type { RoutingMetrics } from "#dispatch/routing/routing-metrics.ts";
import type { Sender, SendOutcome } from "#dispatch/sending/sender.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface SendParts {
  sender: Sender;
  telemetry: Telemetry;
  metrics: RoutingMetrics;
}

export interface Sending {
  readonly passage: Passage;
  readonly provider: Provider;
  readonly permit: Permit;
  /** What it costs if it costs anything. */
  readonly priceMicros: number;
}

/** What setTimeout can hold. */
const maxTimerMs = 2_147_483_647;

/** Uses the permit, or gives it back when nothing was sent; any other outcome is for the caller to tell it. */
export async function sendWithPermit(
  { sender, telemetry, metrics }: SendParts,
  { passage, provider, permit, priceMicros }: Sending,
): Promise<SendOutcome> {
  const { job, attempts: nth } = passage;
  const span = startAttemptSpan(telemetry, { providerId: provider.id, nth, isProbe: permit.isProbe });
  const startedAtMs = performance.now();
  let isUsed = false;
  const outcome = await sender.send(provider, {
    text: job.text,
    options: job.processor.options,
    requestId: job.requestId,
    signal: job.beforeSend ? undefined : job.signal,
    timeoutMs: timeoutMsOf(passage),
    onSend() {
      isUsed = permit.use();
      return isUsed;
    },
  });
  passage.providerMs += performance.now() - startedAtMs;
  metrics.sent(provider.id, outcome.kind);
  if (span) endAttemptSpan(span, outcome, priceMicros);
  // A permit that was used up by its age has gone back by itself.
  if (outcome.kind === "unsent" && (isUsed || outcome.reason !== "too-late")) permit.giveBack();
  return outcome;
}

/** What is kept is waited for as long as the provider may take. */
function timeoutMsOf({ job, untilMs }: Passage): number {
  return job.beforeSend ? maxTimerMs : Math.max(1, untilMs - performance.now());
}
