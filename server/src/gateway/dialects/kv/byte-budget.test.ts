import assert from "node:assert/strict";
import { test } from "node:test";
import { createByteBudget } from "#gateway/dialects/kv/byte-budget.ts";

test("refuses what is beyond it, and takes it once there is room again", () => {
  const budget = createByteBudget(100);
  budget.take(60);
  budget.take(40);
  assert.throws(() => budget.take(1), /busy/);
  budget.giveBack(40);
  budget.take(40);
  assert.throws(() => budget.take(1), /busy/);
});
