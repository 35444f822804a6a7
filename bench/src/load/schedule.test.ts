import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom, poissonSchedule } from "./schedule.ts";

const options = { ratePerSecond: 5_000, durationMs: 10_000, seed: 7 };

test("a schedule rises and ends before its duration", () => {
  const schedule = poissonSchedule(options);
  assert.ok(schedule.every((at, i) => at > (schedule[i - 1] ?? 0) || i === 0));
  assert.ok(schedule.at(-1)! < options.durationMs);
});

test("a schedule holds its rate", () => {
  const expected = 50_000;
  // Four standard deviations of a Poisson count.
  assert.ok(Math.abs(poissonSchedule(options).length - expected) < 4 * Math.sqrt(expected));
});

test("gaps vary as those of independent senders do", () => {
  const schedule = poissonSchedule(options);
  const gaps = Array.from(schedule, (at, i) => at - (schedule[i - 1] ?? 0));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  // An exponential distribution's deviation equals its mean.
  assert.ok(Math.abs(Math.sqrt(variance) / mean - 1) < 0.05);
});

test("a seed repeats its schedule, another seed does not", () => {
  assert.deepEqual(poissonSchedule(options), poissonSchedule(options));
  assert.notDeepEqual(poissonSchedule(options), poissonSchedule({ ...options, seed: 8 }));
});

test("random numbers are spread evenly over [0, 1)", () => {
  const random = createRandom(1);
  const buckets = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) buckets[Math.floor(random() * 10)]!++;
  assert.ok(buckets.every((count) => Math.abs(count - 10_000) < 500));
});
