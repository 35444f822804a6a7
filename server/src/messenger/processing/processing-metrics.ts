/** How the processing of messages fares: how many, by what became of them, and how long they waited for it. */
import type { ProcessingOutcome } from "#messenger/processing/process-text.ts";
import type { ClaimedText } from "#messenger/store-processing.ts";
import { durationBounds } from "#platform/telemetry/duration-histogram.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface ProcessingMetrics {
  /** "error": the database did not take what came of it. */
  ended(outcome: ProcessingOutcome | "error", claimed: ClaimedText): void;
}

export function createProcessingMetrics(telemetry: Telemetry): ProcessingMetrics {
  const counter = telemetry.meter.createCounter("parley.messenger.processing", {
    unit: "{message}",
    description: "Texts of messages that were taken to be processed, by what became of them",
  });
  const ages = telemetry
    .histogram("parley.messenger.processing.age", {
      unit: "s",
      description: "How old a text was when it was taken by the process that processed it",
      bounds: [...durationBounds, 60, 600, 3_600, 36_000],
    })
    .series({});
  return {
    ended(outcome, claimed) {
      counter.add(1, { "parley.outcome": outcome });
      if (outcome === "done") ages.record(claimed.ageMs / 1_000);
    },
  };
}
