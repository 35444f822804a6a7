import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { createNoopMeter, type Meter } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import type { Circuit } from "#platform/circuit/circuit.ts";
import { createCircuits } from "#platform/circuit/circuits.ts";
import { circuitSettings } from "#platform/circuit/config.ts";
import { createLog } from "#platform/log.ts";
import { readSettings } from "#platform/settings.ts";

function testCircuits(environment: Record<string, string> = {}, meter: Meter = createNoopMeter()) {
  const clock = { nowMs: 0 };
  const lines: Record<string, unknown>[] = [];
  const output = new PassThrough();
  output.on("data", (line) => lines.push(JSON.parse(line.toString())));
  const settings = readSettings(circuitSettings, { PARLEY_CIRCUIT_MIN_CALLS: "3", ...environment }, []);
  const now = () => clock.nowMs;
  const circuits = createCircuits({ settings, meter, log: createLog("info", output), now, random: () => 1 });
  return { circuits, clock, lines };
}

function call(circuit: Circuit, outcome: "succeed" | "ignore" | "fail", count = 1) {
  for (let i = 0; i < count; i++) {
    const entry = circuit.tryEnter();
    if (!entry.isAdmitted) continue;
    if (outcome === "fail") entry.fail("timeout");
    else entry[outcome]();
  }
}

test("each endpoint has its own circuit, and each service one bulkhead", () => {
  const { circuits } = testCircuits();
  const a = circuits.of("messenger", "a:9090");
  assert.equal(circuits.of("messenger", "a:9090"), a);
  call(a, "fail", 3);
  call(circuits.of("messenger", "b:9090"), "succeed");
  const states = circuits.list().map(({ endpoint, snapshot }) => [endpoint, snapshot.state]);
  assert.deepEqual(states, [
    ["a:9090", "open"],
    ["b:9090", "closed"],
  ]);
  assert.equal(circuits.bulkheadOf("messenger"), circuits.bulkheadOf("messenger"));
  assert.notEqual(circuits.bulkheadOf("messenger"), circuits.bulkheadOf("identity"));
  circuits.forget("messenger", "a:9090");
  assert.equal(circuits.list().length, 1);
  assert.notEqual(circuits.of("messenger", "a:9090"), a);
});

test("every change of state is logged once, with its reason; calls are not", () => {
  const { circuits, clock, lines } = testCircuits();
  const circuit = circuits.of("messenger", "a:9090");
  call(circuit, "fail", 100);
  clock.nowMs += 1_000;
  call(circuit, "succeed", 100);
  const names = { service: "messenger", endpoint: "a:9090" };
  const counts = { calls: 3, failures: 3, slow: 0 };
  const said = lines.map(({ time, ...line }) => line);
  const failure = "timeout";
  assert.deepEqual(said, [
    {
      level: 40,
      ...names,
      from: "closed",
      to: "open",
      reason: "failures",
      failure,
      ...counts,
      msg: "a circuit opened",
    },
    {
      level: 30,
      ...names,
      from: "open",
      to: "half-open",
      reason: "open-time-over",
      failure,
      ...counts,
      msg: "a circuit lets probes through",
    },
    {
      level: 30,
      ...names,
      from: "half-open",
      to: "closed",
      reason: "probes-succeeded",
      failure,
      ...counts,
      msg: "a circuit closed",
    },
  ]);
});

test("keeps the latest transitions only", () => {
  const { circuits, clock } = testCircuits();
  const circuit = circuits.of("messenger", "a:9090");
  for (let i = 0; i < 50; i++) {
    call(circuit, "fail", 3);
    clock.nowMs += 60_000;
  }
  const [{ transitions, snapshot }] = circuits.list() as [ReturnType<typeof circuits.list>[0]];
  assert.equal(transitions.length, 10);
  assert.equal(transitions.at(-1), snapshot.transition);
  assert.equal(snapshot.opened, 50);
});

test("turned off, circuits only count", () => {
  const { circuits } = testCircuits({ PARLEY_CIRCUITS: "off" });
  const circuit = circuits.of("messenger", "a:9090");
  call(circuit, "fail", 1_000);
  assert.equal(circuit.snapshot.state, "closed");
  assert.equal(circuit.snapshot.totals.failure, 1_000);
});

test("metrics tell state, transitions, calls by outcome, and bulkheads", async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  const { circuits } = testCircuits(
    { PARLEY_BULKHEAD_MAX_CALLS: "1", PARLEY_BULKHEAD_MAX_WAITING: "0" },
    provider.getMeter("test"),
  );
  const circuit = circuits.of("messenger", "a:9090");
  call(circuit, "succeed");
  call(circuit, "ignore", 7);
  call(circuit, "fail", 5);
  const bulkhead = circuits.bulkheadOf("messenger");
  await bulkhead.enter();
  await assert.rejects(bulkhead.enter());
  await reader.forceFlush();
  const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics[0]!.metrics);
  const told = metrics.flatMap(({ descriptor, dataPoints }) =>
    dataPoints.map(({ attributes, value }) => {
      const { endpoint, ...rest } = attributes;
      return [descriptor.name, ...Object.values(rest), value].join(" ");
    }),
  );
  await provider.shutdown();
  assert.deepEqual(told.sort(), [
    "parley.bulkhead.calls messenger running 1",
    "parley.bulkhead.calls messenger waiting 0",
    "parley.bulkhead.refusals messenger 1",
    "parley.circuit.calls messenger failure 2",
    "parley.circuit.calls messenger ignored 7",
    "parley.circuit.calls messenger refused 3",
    "parley.circuit.calls messenger success 1",
    "parley.circuit.state messenger closed 0",
    "parley.circuit.state messenger half-open 0",
    "parley.circuit.state messenger open 1",
    "parley.circuit.transitions messenger closed open failures 1",
  ]);
});
