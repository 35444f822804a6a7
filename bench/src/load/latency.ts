/** Latencies in a fixed-size histogram: any number of them in bounded memory, within 0.1 %. */
import { createHistogram } from "node:perf_hooks";

export interface LatencySummary {
  count: number;
  meanMs: number;
  p50Ms: number;
  p99Ms: number;
  p999Ms: number;
  maxMs: number;
}

export interface LatencyRecorder {
  record(milliseconds: number): void;
  summary(): LatencySummary;
}

const significantFigures = 3;
const highestUs = 600_000_000;

export function createLatencyRecorder(): LatencyRecorder {
  const histogram = createHistogram({ lowest: 1, highest: highestUs, figures: significantFigures });
  return {
    record(milliseconds) {
      histogram.record(Math.min(Math.max(Math.round(milliseconds * 1_000), 1), highestUs));
    },
    summary() {
      const percentileMs = (percent: number) =>
        histogram.count === 0 ? 0 : histogram.percentile(percent) / 1_000;
      return {
        count: histogram.count,
        meanMs: histogram.count === 0 ? 0 : histogram.mean / 1_000,
        p50Ms: percentileMs(50),
        p99Ms: percentileMs(99),
        p999Ms: percentileMs(99.9),
        maxMs: histogram.count === 0 ? 0 : histogram.max / 1_000,
      };
    },
  };
}
