import assert from "node:assert/strict";
import { test } from "node:test";
import { createLatencyRecorder } from "./latency.ts";

function assertNear(actual: number, expected: number) {
  assert.ok(Math.abs(actual - expected) <= expected * 0.002, `${actual} is not near ${expected}`);
}

test("percentiles of 1 to 10,000 ms", () => {
  const recorder = createLatencyRecorder();
  for (let ms = 1; ms <= 10_000; ms++) recorder.record(ms);
  const { count, meanMs, p50Ms, p99Ms, p999Ms, maxMs } = recorder.summary();
  assert.equal(count, 10_000);
  assertNear(meanMs, 5_000.5);
  assertNear(p50Ms, 5_000);
  assertNear(p99Ms, 9_900);
  assertNear(p999Ms, 9_990);
  assertNear(maxMs, 10_000);
});

test("a latency below a microsecond counts as one, one beyond the range as the highest", () => {
  const recorder = createLatencyRecorder();
  recorder.record(0);
  recorder.record(1e9);
  assertNear(recorder.summary().p50Ms, 0.001);
  assertNear(recorder.summary().maxMs, 600_000);
});

test("nothing recorded is all zero", () => {
  const zero = { count: 0, meanMs: 0, p50Ms: 0, p99Ms: 0, p999Ms: 0, maxMs: 0 };
  assert.deepEqual(createLatencyRecorder().summary(), zero);
});
