/** How sends fare: how many, by outcome; how large batches are and how long their commit takes. */
import type { StoreOutcome } from "#messenger/store-sends.ts";
import type { ErrorCode } from "#platform/errors.ts";
import { countBounds, durationBounds, type HistogramSeries } from "#platform/telemetry/duration-histogram.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface SendMetrics {
  /** startedAtMs is by performance.now(). */
  committed(outcomes: readonly StoreOutcome[], startedAtMs: number): void;
  failed(sends: number, code: ErrorCode, startedAtMs: number): void;
}

export function createSendMetrics(telemetry: Telemetry): SendMetrics {
  const counts = new Map<string, number>([["stored", 0]]);
  const count = (outcome: string, by: number) => counts.set(outcome, (counts.get(outcome) ?? 0) + by);
  telemetry.meter
    .createObservableCounter("parley.messenger.sends", {
      unit: "{message}",
      description: "Sends that reached the database, by outcome: stored, repeated, or an error code",
    })
    .addCallback((result) => {
      for (const [outcome, value] of counts) result.observe(value, { "parley.outcome": outcome });
    });
  const sizes = telemetry
    .histogram("parley.messenger.batch.size", {
      description: "Messages stored by one statement",
      unit: "{message}",
      bounds: countBounds,
    })
    .series({});
  const durations = createDurations(telemetry);
  return {
    committed(outcomes, startedAtMs) {
      durations(undefined).record((performance.now() - startedAtMs) / 1_000);
      sizes.record(outcomes.length);
      let stored = 0;
      for (const outcome of outcomes) {
        if ("refusal" in outcome) count(outcome.refusal, 1);
        else stored += 1;
      }
      count("stored", stored);
    },
    failed(sends, code, startedAtMs) {
      durations(code).record((performance.now() - startedAtMs) / 1_000);
      count(code, sends);
    },
  };
}

/** With retries. */
function createDurations(telemetry: Telemetry): (code: ErrorCode | undefined) => HistogramSeries {
  const histogram = telemetry.histogram("parley.messenger.commit.duration", {
    description: "Commits of a batch of messages",
    unit: "s",
    bounds: [0.000_5, ...durationBounds],
  });
  const seriesByCode = new Map<ErrorCode | undefined, HistogramSeries>();
  return (code) => {
    let series = seriesByCode.get(code);
    if (!series) {
      series = histogram.series(code ? { "error.type": code } : {});
      seriesByCode.set(code, series);
    }
    return series;
  };
}

export function observeQueue({ meter }: Telemetry, size: () => number): void {
  meter
    .createObservableUpDownCounter("parley.messenger.queue.size", {
      unit: "{message}",
      description: "Messages that wait to be stored, or are being stored",
    })
    .addCallback((result) => result.observe(size()));
}
