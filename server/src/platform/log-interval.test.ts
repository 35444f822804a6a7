import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogInterval } from "#platform/log-interval.ts";

test("it is time to log at once, and again when the interval has passed since that", () => {
  let nowMs = 0;
  const isTimeToLog = createLogInterval(10, () => nowMs);
  const atMs = (time: number) => {
    nowMs = time;
    return isTimeToLog();
  };
  assert.deepEqual([0, 1, 9, 10, 11, 19, 25, 34, 35].filter(atMs), [0, 10, 25, 35]);
});
