import assert from "node:assert/strict";
import { test } from "node:test";
import { createTrace, traceNames } from "./trace.ts";

const options = { pods: 8, durationMs: 28_000, ratePerSecond: 500, windowMs: 2_000, seed: 7 };

for (const name of traceNames) {
  test(`${name}: rising times, about as many as asked for, the same for the same seed`, () => {
    const trace = createTrace({ ...options, name });
    assert.ok(trace.every(({ atMs }, index) => index === 0 || atMs >= trace[index - 1]!.atMs));
    assert.ok(Math.abs(trace.length - 14_000) < 500, String(trace.length));
    assert.deepEqual(trace, createTrace({ ...options, name }));
  });
}

test("skewed: the first of eight pods gets half of all", () => {
  const trace = createTrace({ ...options, name: "skewed" });
  const share = trace.filter(({ pod }) => pod === 0).length / trace.length;
  assert.ok(Math.abs(share - 0.5) < 0.03, String(share));
});

test("edges: nothing in the middle of a window", () => {
  const trace = createTrace({ ...options, name: "edges" });
  assert.ok(trace.every(({ atMs }) => Math.abs(((atMs + 1_000) % 2_000) - 1_000) <= 250));
});
