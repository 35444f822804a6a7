import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { createLog } from "#platform/log.ts";
import { readSettings, type SettingProblem } from "#platform/settings.ts";
import { telemetrySettings } from "#platform/telemetry/config.ts";
import { durationBounds } from "#platform/telemetry/duration-histogram.ts";
import { type RunningTelemetry, startTelemetry } from "#platform/telemetry.ts";
import { startCollector } from "#test/collector.ts";
import { parsePrometheus } from "#test/prometheus.ts";
import { until } from "#test/until.ts";

const silent = createLog("silent");

function start(environment: Record<string, string>, log = silent): RunningTelemetry {
  const problems: SettingProblem[] = [];
  const config = readSettings(telemetrySettings, environment, problems);
  assert.deepEqual(problems, []);
  const telemetry = startTelemetry({ config, version: "1.2.3", log });
  after(() => telemetry.stop());
  return telemetry;
}

const always = { OTEL_TRACES_SAMPLER: "always_on" };

function record(telemetry: RunningTelemetry, count: number) {
  for (let i = 0; i < count; i++) telemetry.tracing.accept(undefined, `span ${i}`, {}).span?.end();
}

test("sends what is recorded, under the name and with the headers it was given, before it stops", async () => {
  const collector = await startCollector();
  const telemetry = start({
    ...always,
    OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
    OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=a%20b",
    OTEL_RESOURCE_ATTRIBUTES: "service.name=ignored,deployment.environment.name=test",
    OTEL_SERVICE_NAME: "gateway-7",
  });
  record(telemetry, 3);
  const stoppedAtMs = performance.now();
  await telemetry.stop();
  // Where this process stood still meanwhile, the stop has waited long enough.
  if (performance.now() - stoppedAtMs > 1_500) await collector.until((spans) => spans.length > 0, "spans");
  assert.deepEqual(
    collector.spans.map(({ name, service }) => [name, service]),
    ["span 0", "span 1", "span 2"].map((name) => [name, "gateway-7"]),
  );
  assert.match(collector.everything, /"x-tenant":"a b"/);
  assert.match(collector.everything, /deployment\.environment\.name/);
});

test("records nothing without a collector, or when it is told not to", async () => {
  const collector = await startCollector();
  const url = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  const disabled = { ...always, ...url, OTEL_SDK_DISABLED: "true" };
  for (const environment of [always, disabled, { ...always, ...url, OTEL_TRACES_EXPORTER: "none" }]) {
    const telemetry = start(environment);
    assert.equal(telemetry.tracing.accept(undefined, "a", {}).span, undefined);
    await telemetry.stop();
  }
  assert.equal(collector.requests, 0);
});

/** Takes connections and says nothing. */
async function startHungServer(): Promise<{ server: Server; url: string }> {
  const server = createServer(() => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test("a collector that hangs keeps nobody: spans beyond the queue are dropped, and the stop does not wait", async () => {
  const { url, server } = await startHungServer();
  const telemetry = start({ ...always, OTEL_EXPORTER_OTLP_ENDPOINT: url });
  record(telemetry, 20_000);
  await once(server, "connection");
  await telemetry.stop();
  const open = await new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
  assert.notEqual(open, 0, "it has not even given up yet");
  record(telemetry, 10);
});

test("a collector that refuses is said once, without what it said", async () => {
  let refused = 0;
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(400, "zebra").end("zebra", () => void refused++);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`;
  const lines: string[] = [];
  const log = createLog("info", { write: (line) => void lines.push(line) });
  const telemetry = start({ ...always, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url }, log);
  record(telemetry, 2_000);
  await telemetry.stop();
  await until("it is said, and all four batches are refused", () => lines.length > 0 && refused === 4);
  server.closeAllConnections();
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /the collector does not take traces/);
  assert.doesNotMatch(lines[0]!, /zebra/);
});

test("settings that do not fit are named", () => {
  const problems: SettingProblem[] = [];
  readSettings(
    telemetrySettings,
    {
      OTEL_TRACES_SAMPLER: "sometimes",
      OTEL_TRACES_SAMPLER_ARG: "1.5",
      OTEL_RESOURCE_ATTRIBUTES: "no pair",
      OTEL_EXPORTER_OTLP_HEADERS: "a=%",
      OTEL_EXPORTER_OTLP_ENDPOINT: "localhost:4318",
      OTEL_SDK_DISABLED: "yes",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
    },
    problems,
  );
  assert.equal(problems.length, 7);
});

test("histograms, counters and gauges are told as Prometheus expects them", async () => {
  const telemetry = start({ OTEL_RESOURCE_ATTRIBUTES: "a=quote%22 back%5C line%0A" });
  const { meter } = telemetry;
  const histogram = telemetry.histogram("a.duration", {
    description: "A",
    unit: "s",
    bounds: durationBounds,
  });
  const series = histogram.series({ "a.kind": "x" });
  for (const value of [0, 0.001, 0.002, 99]) series.record(value);
  meter.createHistogram("b.duration", { unit: "s", description: "B" }).record(2, { b: "y" });
  meter.createCounter("c.things", { unit: "{thing}", description: "C" }).add(2);
  meter.createObservableGauge("d.use", { unit: "1", description: "D" }).addCallback((r) => r.observe(0.5));
  const metrics = parsePrometheus(await telemetry.scrape());
  assert.equal(
    metrics.total("a_duration_seconds_bucket", { a_kind: "x", le: "0.001" }),
    2,
    "bounds are inclusive",
  );
  assert.equal(metrics.total("a_duration_seconds_bucket", { a_kind: "x", le: "10" }), 3);
  assert.equal(metrics.total("a_duration_seconds_count", { a_kind: "x" }), 4);
  assert.equal(metrics.total("a_duration_seconds_sum", {}), 99.003);
  assert.equal(metrics.total("b_duration_seconds_count", { b: "y" }), 1);
  assert.equal(metrics.total("c_things_total", {}), 2);
  assert.equal(metrics.total("d_use_ratio", {}), 0.5);
  const target = metrics.samples.find(({ name }) => name === "target_info");
  assert.equal(target?.labels.a, 'quote\\" back\\\\ line\\n');
  assert.equal(target?.labels.service_version, "1.2.3");
});
