/**
 * A strict reader of Prometheus's text format 0.0.4: refuses what Prometheus would refuse, and what it would read but
 * makes no sense. https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import assert from "node:assert/strict";

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface PrometheusMetrics {
  samples: Sample[];
  types: Map<string, string>;
  /** Of all samples with these labels, whatever others they have. */
  total(name: string, labels: Record<string, string>): number;
}

const line = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (NaN|[+-]Inf|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;

export function parsePrometheus(text: string): PrometheusMetrics {
  assert.ok(text.endsWith("\n"), "the last line must end as well");
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  let family = "";
  for (const one of text.slice(0, -1).split("\n")) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(one) ?? [];
    if (kind === "HELP") {
      assert.ok(rest.length > 0, `${name} has no help`);
    } else if (kind === "TYPE") {
      assert.ok(!types.has(name), `${name} is there twice`);
      assert.match(rest, /^(counter|gauge|histogram)$/);
      if (rest === "counter") assert.match(name, /_total$/);
      types.set(name, rest);
      family = name;
    } else {
      const sample = parseSample(one);
      assert.ok(familyOf(sample.name, types) === family, `${sample.name} stands under ${family}`);
      samples.push(sample);
    }
  }
  requireUnique(samples);
  for (const [name, type] of types) if (type === "histogram") requireHistogram(name, samples);
  return metricsOf(samples, types);
}

/** The metrics of several processes, as one who asks for their sum sees them. */
export function together(processes: readonly PrometheusMetrics[]): PrometheusMetrics {
  const types = new Map(processes.flatMap((one) => [...one.types]));
  return metricsOf(
    processes.flatMap((one) => one.samples),
    types,
  );
}

const metricsOf = (samples: Sample[], types: Map<string, string>): PrometheusMetrics => ({
  samples,
  types,
  total: (name, labels) =>
    samples
      .filter((sample) => sample.name === name && matches(sample, labels))
      .reduce((a, s) => a + s.value, 0),
});

const matches = (sample: Sample, labels: Record<string, string>) =>
  Object.entries(labels).every(([key, value]) => sample.labels[key] === value);

function parseSample(text: string): Sample {
  const [, name, labelText = "", value = ""] = line.exec(text) ?? [];
  assert.ok(name, `no sample: ${text}`);
  const labels: Record<string, string> = {};
  label.lastIndex = 0;
  while (label.lastIndex < labelText.length) {
    const [, key, given] = label.exec(labelText) ?? [];
    assert.ok(key !== undefined && given !== undefined, `bad labels: ${text}`);
    assert.ok(!(key in labels), `${key} is there twice: ${text}`);
    labels[key] = given;
  }
  return { name, labels, value: Number(value.replace("Inf", "Infinity")) };
}

function familyOf(name: string, types: Map<string, string>): string {
  const base = name.replace(/_(bucket|sum|count)$/, "");
  return types.get(base) === "histogram" ? base : name;
}

const keyOf = ({ name, labels }: Sample) => `${name} ${JSON.stringify(Object.entries(labels).sort())}`;

function requireUnique(samples: Sample[]) {
  const seen = new Set<string>();
  for (const sample of samples) {
    const key = keyOf(sample);
    assert.ok(!seen.has(key), `${key} is there twice`);
    seen.add(key);
  }
}

/** Buckets rise, and the last one counts all. */
function requireHistogram(name: string, samples: Sample[]) {
  const buckets = Map.groupBy(
    samples.filter((sample) => sample.name === `${name}_bucket`),
    ({ labels: { le: _, ...own } }) => keyOf({ name: `${name}_count`, labels: own, value: 0 }),
  );
  for (const [key, series] of buckets) {
    const values = series.map((sample) => sample.value);
    assert.deepEqual(
      values,
      values.toSorted((a, b) => a - b),
      `${key} falls`,
    );
    assert.equal(series.at(-1)?.labels.le, "+Inf");
    assert.equal(samples.find((sample) => keyOf(sample) === key)?.value, values.at(-1), key);
  }
}
