/** What is told of jobs: how many there are by state, and how attempts at them ended. */
import type { JobInspection, QueueCounts } from "#platform/jobs/jobs.ts";
import { durationBounds, type HistogramSeries } from "#platform/telemetry/duration-histogram.ts";
import type { Telemetry } from "#platform/telemetry.ts";

/** "retry": failed, and to be tried again. "dead": failed for the last time. */
export type AttemptResult = "done" | "retry" | "dead" | "interrupted";

export interface JobMetrics {
  /** startedAtMs is by performance.now(). */
  ended(queue: string, result: AttemptResult, startedAtMs: number): void;
}

export interface JobMetricsOptions {
  telemetry: Telemetry;
  inspection: Pick<JobInspection, "counts">;
  /** In this process, by queue. */
  running(): Iterable<[queue: string, count: number]>;
}

const keptMs = 5_000;
const bounds = [...durationBounds, 30, 60, 300];

export function createJobMetrics({ telemetry, inspection, running }: JobMetricsOptions): JobMetrics {
  observeCounts(telemetry, inspection);
  telemetry.meter
    .createObservableUpDownCounter("parley.jobs.running", {
      unit: "{job}",
      description: "Jobs that this process works on",
    })
    .addCallback((result) => {
      for (const [queue, count] of running()) result.observe(count, { "parley.queue": queue });
    });
  const histogram = telemetry.histogram("parley.jobs.attempt.duration", {
    description: "Attempts at jobs, by how they ended: done, retry, dead or interrupted",
    unit: "s",
    bounds,
  });
  const series = new Map<string, HistogramSeries>();
  return {
    ended(queue, result, startedAtMs) {
      const key = `${queue} ${result}`;
      let one = series.get(key);
      if (!one) {
        one = histogram.series({ "parley.queue": queue, "parley.outcome": result });
        series.set(key, one);
      }
      one.record((performance.now() - startedAtMs) / 1_000);
    },
  };
}

/** Of all processes together, so each of them tells the same. */
function observeCounts({ meter }: Telemetry, inspection: Pick<JobInspection, "counts">) {
  let known: QueueCounts[] = [];
  let readAtMs = Number.NEGATIVE_INFINITY;
  const gauge = meter.createObservableGauge("parley.jobs.kept", {
    unit: "{job}",
    description: "Jobs in the queue, by state: delayed, waiting or dead; every process tells the same",
  });
  gauge.addCallback(async (result) => {
    if (performance.now() - readAtMs > keptMs) {
      readAtMs = performance.now();
      // A scrape is not the place to tell that the database is away: then there are no figures.
      known = await inspection.counts().catch(() => []);
    }
    for (const { queue, delayed, waiting, dead } of known) {
      for (const [state, count] of Object.entries({ delayed, waiting, dead })) {
        result.observe(count, { "parley.queue": queue, "parley.job.state": state });
      }
    }
  });
}
