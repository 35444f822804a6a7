/** How searches fare. Nothing of what people look for is in here. */
import { durationBounds, type HistogramSeries } from "#platform/telemetry/duration-histogram.ts";
import type { Telemetry } from "#platform/telemetry.ts";

/** Of the answer, or a code out of the error registry. */
export type SearchOutcome = "complete" | "partial" | (string & {});
export type SearchKind = "instant" | "task";

export interface SearchMetrics {
  ended(kind: SearchKind, outcome: SearchOutcome, durationMs: number): void;
}

export function createSearchMetrics(telemetry: Telemetry): SearchMetrics {
  const counter = telemetry.meter.createCounter("parley.search.searches", {
    unit: "{search}",
    description: "Searches by kind and outcome: complete, partial, or the code of an error",
  });
  const histogram = telemetry.histogram("parley.search.duration", {
    unit: "s",
    description: "How long searches took, by kind",
    bounds: durationBounds,
  });
  const series: Record<SearchKind, HistogramSeries> = {
    instant: histogram.series({ kind: "instant" }),
    task: histogram.series({ kind: "task" }),
  };
  return {
    ended(kind, outcome, durationMs) {
      counter.add(1, { kind, outcome });
      series[kind].record(durationMs / 1_000);
    },
  };
}
