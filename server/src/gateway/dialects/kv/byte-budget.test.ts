import assert from "node:assert/strict";
import { test } from "node:test";
import { createByteBudget } from "#gateway/dialects/kv/byte-budget.ts";
import { toPublicError } from "#platform/errors.ts";

const codeOf = (work: () => void) => {
  try {
    work();
    return "taken";
  } catch (error) {
    return toPublicError(error).code;
  }
};

test("refuses what is beyond it, and takes it once there is room again", () => {
  const budget = createByteBudget({ maxBytes: 100, maxBytesOfCaller: 100 });
  budget.take("alice", 60);
  budget.take("bob", 40);
  assert.equal(
    codeOf(() => budget.take("carol", 1)),
    "overloaded",
  );
  budget.giveBack("bob", 40);
  budget.take("carol", 40);
  assert.equal(
    codeOf(() => budget.take("bob", 1)),
    "overloaded",
  );
});

test("leaves room for others beside a caller who takes all that one may have", () => {
  const budget = createByteBudget({ maxBytes: 100, maxBytesOfCaller: 50 });
  budget.take("mallory", 30);
  budget.take("mallory", 20);
  assert.equal(
    codeOf(() => budget.take("mallory", 1)),
    "too-many-requests",
  );
  budget.take("alice", 50);
  budget.giveBack("mallory", 20);
  assert.equal(
    codeOf(() => budget.take("mallory", 21)),
    "too-many-requests",
  );
  budget.take("mallory", 20);
});
