/**
 * Histograms for what happens thousands of times a second: the series is looked up once and kept, and recording is a
 * search among a dozen bounds and three additions. (OpenTelemetry's own histogram sorts and serialises the attributes at each
 * record.) They reach the metric reader as a producer of its own.
 */
import { type Attributes, type HrTime, ValueType } from "@opentelemetry/api";
import { emptyResource } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  DataPointType,
  type HistogramMetricData,
  type MetricProducer,
} from "@opentelemetry/sdk-metrics";

export interface HistogramOptions {
  description: string;
  unit: string;
  /** Upper bounds, rising. */
  bounds: readonly number[];
}

/** Values with the same attributes. */
export interface HistogramSeries {
  record(value: number): void;
}

export interface Histogram {
  /** Makes a new series each time: keep it. Attributes come out of small sets, never out of requests. */
  series(attributes: Attributes): HistogramSeries;
}

/** As OpenTelemetry advises for HTTP and RPC durations, in seconds. */
export const durationBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
export const countBounds = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

class Series implements HistogramSeries {
  readonly attributes: Attributes;
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #count = 0;
  #sum = 0;

  constructor(attributes: Attributes, bounds: readonly number[]) {
    this.attributes = attributes;
    this.#bounds = bounds;
    this.#counts = new Array(bounds.length + 1).fill(0);
  }

  record(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket += 1;
    this.#counts[bucket]! += 1;
    this.#count += 1;
    this.#sum += value;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  value() {
    const buckets = { boundaries: [...this.#bounds], counts: [...this.#counts] };
    return { buckets, sum: this.#sum, count: this.#count };
  }
}

export class HistogramRegistry implements MetricProducer {
  readonly #histograms = new Map<string, { options: HistogramOptions; series: Series[] }>();
  readonly #startTime = hrTimeNow();

  /** Asked for twice, it is the same. */
  histogram(name: string, options: HistogramOptions): Histogram {
    const known = this.#histograms.get(name) ?? { options, series: [] };
    this.#histograms.set(name, known);
    return {
      series(attributes) {
        const made = new Series(attributes, known.options.bounds);
        known.series.push(made);
        return made;
      },
    };
  }

  async collect() {
    const metrics = [...this.#histograms].map(([name, one]) => this.#toMetricData(name, one));
    const scopeMetrics = [{ scope: { name: "parley" }, metrics }];
    return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] };
  }

  #toMetricData(
    name: string,
    { options, series }: { options: HistogramOptions; series: Series[] },
  ): HistogramMetricData {
    const { description, unit } = options;
    const times = { startTime: this.#startTime, endTime: hrTimeNow() };
    return {
      descriptor: { name, description, unit, valueType: ValueType.DOUBLE },
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: series
        .filter((one) => !one.isEmpty)
        .map((one) => ({ ...times, attributes: one.attributes, value: one.value() })),
    };
  }
}

function hrTimeNow(): HrTime {
  const nowMs = Date.now();
  return [Math.floor(nowMs / 1_000), (nowMs % 1_000) * 1_000_000];
}
