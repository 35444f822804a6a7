import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLatency } from "#provider-sim/latency.ts";

/** Evenly spread draws, so that the test is the same each time. */
function draws(text: string, count = 20_000): number[] {
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const latency = parseLatency(text);
  return Array.from({ length: count }, () => latency(random)).sort((a, b) => a - b);
}

test("is fixed, between two bounds, or has the percentiles that it names", () => {
  assert.deepEqual(draws("20ms", 2), [20, 20]);
  const even = draws("10ms..50ms");
  assert.ok(even[0]! >= 10 && even.at(-1)! < 50);
  assert.ok(Math.abs(even[10_000]! - 30) < 1);
  const tailed = draws("p50=20ms,p99=200ms");
  assert.ok(Math.abs(tailed[10_000]! - 20) < 2, String(tailed[10_000]));
  assert.ok(Math.abs(tailed[19_800]! - 200) < 30, String(tailed[19_800]));
  assert.ok(tailed.at(-1)! <= 2_000);
});

test("what is no latency is refused", () => {
  for (const text of ["", "20", "50ms..10ms", "10ms..", "p50=20ms", "p50=20ms,p99=10ms", "-1ms"]) {
    assert.throws(() => parseLatency(text), /is no latency/, text);
  }
});
