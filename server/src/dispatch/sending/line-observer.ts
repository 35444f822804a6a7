/** What operators learn about the requests to a provider: how long they take, and why they do not get through. */
import { errorCode } from "#dispatch/sending/failure.ts";
import type { SendOutcome } from "#dispatch/sending/sender.ts";
import type { Log } from "#platform/log.ts";
import { durationBounds, type HistogramSeries } from "#platform/telemetry/duration-histogram.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface LineObserver {
  /** sentAtMs is by performance.now(); undefined: it was not sent. */
  ended(outcome: SendOutcome, sentAtMs: number | undefined, error: Error | undefined): void;
}

export function createLineObserver(providerId: string, telemetry: Telemetry, log: Log): LineObserver {
  const histogram = telemetry.histogram("parley.dispatch.provider.duration", {
    description: "Requests to providers, from the first byte sent to the last one received",
    unit: "s",
    bounds: [...durationBounds, 30, 60],
  });
  const seriesByKind = new Map<SendOutcome["kind"], HistogramSeries>();
  function series(kind: SendOutcome["kind"]): HistogramSeries {
    let found = seriesByKind.get(kind);
    if (!found) {
      found = histogram.series({ provider: providerId, outcome: kind });
      seriesByKind.set(kind, found);
    }
    return found;
  }
  const tell = createTroubleLog(providerId, log);
  return {
    ended(outcome, sentAtMs, error) {
      if (sentAtMs !== undefined) series(outcome.kind).record((performance.now() - sentAtMs) / 1_000);
      tell(outcome, error);
    },
  };
}

/** A line when the trouble begins, changes or ends, not one for each request. */
function createTroubleLog(provider: string, log: Log) {
  let trouble: string | undefined;
  return (outcome: SendOutcome, error: Error | undefined) => {
    if (outcome.kind === "done") {
      if (trouble) log.info({ provider }, "the provider gives results again");
      trouble = undefined;
      return;
    }
    if (outcome.kind === "refused" || outcome.kind === "rejected") return;
    if (outcome.reason === "cancelled" || outcome.reason === "too-late") return;
    const cause = error && errorCode(error);
    const now = `${outcome.kind} ${outcome.reason} ${cause}`;
    if (now !== trouble) {
      log.warn(
        { provider, outcome: outcome.kind, reason: outcome.reason, cause },
        "the provider gives no result",
      );
    }
    trouble = now;
  };
}
