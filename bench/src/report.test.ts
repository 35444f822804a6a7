import assert from "node:assert/strict";
import { test } from "node:test";
import type { CaseResult } from "./case.ts";
import { figure, table, verdict } from "./report.ts";

const result: CaseResult = {
  measures: [
    {
      name: "messages",
      unit: "msg/s",
      value: { median: 15_251.3, min: 14_000, max: 16_000 },
      floor: { name: "bare INSERT", value: { median: 61_000, min: 60_000, max: 62_000 } },
      target: { text: "≥ 15,000", isMet: true },
    },
    {
      name: "p99",
      unit: "ms",
      value: { median: 51.26, min: 51.26, max: 51.26 },
      target: { text: "≤ 50 ms", isMet: false },
    },
  ],
  notes: [],
};

test("a figure has three digits that mean something", () => {
  assert.equal(figure(15_251.3, "msg/s"), "15,300");
  assert.equal(figure(3.456, "ms"), "3.5");
  assert.equal(figure(345.6, "ms"), "346");
  assert.equal(figure(0.4567, "s"), "0.46");
  assert.equal(figure(0, "KB"), "0.0");
});

test("the table sets each figure beside its floor and target", () => {
  const [, , first, second] = table(result.measures).split("\n");
  assert.match(first!, /messages +15,300 msg\/s +14,000–16,000 +bare INSERT +61,000 +25 % +≥ 15,000 +met$/);
  assert.match(second!, /p99 +51\.3 ms +≤ 50 ms +NOT MET$/);
});

test("the verdict names the targets that are not met", () => {
  assert.equal(verdict(new Map([["messages", result]])), "1 of 2 targets are met. Not met: p99.");
  const met = { ...result, measures: result.measures.slice(0, 1) };
  assert.equal(verdict(new Map([["messages", met]])), "All 1 targets are met.");
});
