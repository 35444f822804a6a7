import type { HistogramSeries } from "#platform/telemetry/duration-histogram.ts";
import { durationBounds } from "#platform/telemetry/duration-histogram.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export type Operation = "write" | "read" | "size" | "delete" | "list";

/** Refused: by the circuit. Ignored: it says nothing about the store. */
export type StoreOutcome = "success" | "failure" | "full" | "ignored" | "refused";

export type RecordCall = (operation: Operation, outcome: StoreOutcome, durationMs: number) => void;

export function createStoreMetrics(telemetry: Telemetry): RecordCall {
  const durations = telemetry.histogram("parley.blobs.store.duration", {
    unit: "s",
    description: "Calls of the object store, until the last byte, by operation and outcome",
    bounds: [...durationBounds, 30, 60, 300],
  });
  const series = new Map<string, HistogramSeries>();
  return (operation, outcome, durationMs) => {
    const key = `${operation} ${outcome}`;
    let one = series.get(key);
    if (!one) {
      one = durations.series({ operation, outcome });
      series.set(key, one);
    }
    one.record(durationMs / 1_000);
  };
}
