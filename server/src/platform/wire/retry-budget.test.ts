import assert from "node:assert/strict";
import { test } from "node:test";
import { createRetryBudget } from "#platform/wire/retry-budget.ts";

function taken(budget: { tryTake(): boolean }): number {
  let count = 0;
  while (budget.tryTake()) count += 1;
  return count;
}

test("retries are a few a second, and a fifth of the calls", () => {
  let nowMs = 0;
  const budget = createRetryBudget(() => nowMs);
  assert.equal(taken(budget), 10);
  for (let i = 0; i < 100; i++) budget.noteCall();
  const forCalls = taken(budget);
  assert.ok(forCalls >= 19 && forCalls <= 20, String(forCalls));
  nowMs += 1_000;
  const forTime = taken(budget);
  assert.ok(forTime >= 9 && forTime <= 11, String(forTime));
});

test("a quiet day saves no storm of retries up", () => {
  let nowMs = 0;
  const budget = createRetryBudget(() => nowMs);
  for (let i = 0; i < 10_000; i++) budget.noteCall();
  nowMs += 86_400_000;
  assert.ok(taken(budget) <= 100);
});
