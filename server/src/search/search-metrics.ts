/** How searches fare. Nothing of what people look for is in here. */

import { durationBounds, type HistogramSeries } from "#platform/telemetry/duration-histogram.ts";
import type { Telemetry } from "#platform/telemetry.ts";
import type { OpenTasks } from "#search/store-sweep.ts";

export type SearchKind = "instant" | "task";

export interface SearchMetrics {
  /** `outcome`: "complete", "partial", or a code out of the error registry. */
  ended(kind: SearchKind, outcome: string, durationMs: number): void;
  /** As the database has them. */
  open(tasks: OpenTasks): void;
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
  let open: OpenTasks | undefined;
  telemetry.meter
    .createObservableGauge("parley.search.tasks", {
      unit: "{task}",
      description: "Search tasks of all pods that wait or run, as of some seconds ago; the same at each pod",
    })
    .addCallback((result) => {
      if (!open) return;
      result.observe(open.waiting, { status: "waiting" });
      result.observe(open.running, { status: "running" });
    });
  return {
    ended(kind, outcome, durationMs) {
      counter.add(1, { kind, outcome });
      series[kind].record(durationMs / 1_000);
    },
    open(tasks) {
      open = tasks;
    },
  };
}
