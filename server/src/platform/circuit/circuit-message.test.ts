import assert from "node:assert/strict";
import { test } from "node:test";
import { circuitTimes } from "#platform/circuit/circuit-message.ts";

test("one moment is told as one time of day, however long the answer takes", () => {
  let monotonicMs = 1_000;
  const timeOf = circuitTimes({ nowMs: () => monotonicMs }, { now: () => 1_700_000_000_000 });
  const first = timeOf(400);
  monotonicMs += 0.6;
  assert.deepEqual(timeOf(400), first);
  assert.deepEqual(first, { ...first, seconds: 1_699_999_999n, nanos: 400_000_000 });
});
