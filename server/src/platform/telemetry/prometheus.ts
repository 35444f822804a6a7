/**
 * Metrics as Prometheus reads them (text format 0.0.4), named by OpenTelemetry's rules for Prometheus: the unit and, for
 * counters, "total" are part of the name. https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
 */
import type { Attributes, AttributeValue } from "@opentelemetry/api";
import {
  DataPointType,
  type HistogramMetricData,
  type MetricData,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";

export const prometheusType = "text/plain; version=0.0.4; charset=utf-8";

export function toPrometheus({ resource, scopeMetrics }: ResourceMetrics): string {
  const target = sample("target_info", labels(resource.attributes as Attributes), 1);
  const info = `# HELP target_info Where these metrics come from\n# TYPE target_info gauge\n${target}`;
  const metrics = scopeMetrics.flatMap((scope) => scope.metrics);
  return (
    info +
    metrics
      .filter(({ dataPoints }) => dataPoints.length > 0)
      .map(toFamily)
      .join("")
  );
}

function toFamily(metric: MetricData): string {
  const name = prometheusName(metric);
  const help = metric.descriptor.description.replace(/[\\\n]/g, (c) => (c === "\n" ? "\\n" : "\\\\"));
  const head = `# HELP ${name} ${help}\n# TYPE ${name} ${typeOf(metric)}\n`;
  if (metric.dataPointType === DataPointType.HISTOGRAM) return head + histogramSamples(name, metric);
  if (metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM) return "";
  return (
    head + metric.dataPoints.map(({ attributes, value }) => sample(name, labels(attributes), value)).join("")
  );
}

function typeOf(metric: MetricData): string {
  if (metric.dataPointType === DataPointType.HISTOGRAM) return "histogram";
  return isCounter(metric) ? "counter" : "gauge";
}

const isCounter = (metric: MetricData) => metric.dataPointType === DataPointType.SUM && metric.isMonotonic;

function histogramSamples(name: string, { dataPoints }: HistogramMetricData): string {
  let text = "";
  for (const { attributes, value } of dataPoints) {
    const own = labels(attributes);
    let below = 0;
    for (const [index, count] of value.buckets.counts.entries()) {
      below += count;
      const bound = value.buckets.boundaries[index];
      text += sample(`${name}_bucket`, [...own, `le="${bound === undefined ? "+Inf" : bound}"`], below);
    }
    text += sample(`${name}_sum`, own, value.sum ?? 0) + sample(`${name}_count`, own, value.count);
  }
  return text;
}

const unitNames: Record<string, string> = { s: "seconds", ms: "milliseconds", By: "bytes", "%": "percent" };

function prometheusName(metric: MetricData): string {
  const { name, unit } = metric.descriptor;
  let full = name.replace(/[^a-zA-Z0-9_:]+/g, "_");
  const isGauge = typeOf(metric) === "gauge";
  const suffix = unitNames[unit] ?? (unit === "1" && isGauge ? "ratio" : "");
  if (suffix && !full.endsWith(`_${suffix}`)) full += `_${suffix}`;
  return isCounter(metric) && !full.endsWith("_total") ? `${full}_total` : full;
}

function labels(attributes: Attributes): string[] {
  return Object.entries(attributes)
    .filter((entry): entry is [string, AttributeValue] => entry[1] !== undefined)
    .map(([key, value]) => `${key.replace(/[^a-zA-Z0-9_]/g, "_")}="${escapeLabel(String(value))}"`);
}

const escapes: Record<string, string> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };
const escapeLabel = (value: string) => value.replace(/[\\"\n]/g, (character) => escapes[character]!);

function sample(name: string, ownLabels: readonly string[], value: number): string {
  const shown = value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : String(value);
  return `${name}${ownLabels.length > 0 ? `{${ownLabels.join(",")}}` : ""} ${shown}\n`;
}
