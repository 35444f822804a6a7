import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "#platform/log.ts";
import { createSharedClock } from "#platform/shared-clock.ts";

const log = createLog("silent");
const hourMs = 3_600_000;

test("a machine whose clock is an hour off follows the cluster's", () => {
  const clock = createSharedClock(log, () => Date.now() - hourMs);
  assert.ok(Math.abs(clock.now() - (Date.now() - hourMs)) < 1_000);
  clock.adopt(Date.now(), 2);
  assert.ok(Math.abs(clock.now() - Date.now()) < 1_000);
});

test("small differences, and those that the round trip explains, change nothing", () => {
  let nowMs = 1_000_000;
  const clock = createSharedClock(log, () => nowMs);
  const before = clock.now();
  clock.adopt(before + 400, 0);
  clock.adopt(before - 9_000, 10_000);
  nowMs += hourMs;
  assert.ok(Math.abs(clock.now() - before) < 300, "nor does setting the machine's clock");
});

test("what is no time is not adopted", () => {
  const clock = createSharedClock(log);
  for (const nonsense of [Number.NaN, 0, -1, Number.POSITIVE_INFINITY]) clock.adopt(nonsense, 0);
  assert.ok(Math.abs(clock.now() - Date.now()) < 1_000);
});
