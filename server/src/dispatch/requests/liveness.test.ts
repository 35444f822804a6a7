import assert from "node:assert/strict";
import { test } from "node:test";
import { createLiveness } from "#dispatch/requests/liveness.ts";

test("a process judges others once it has said for a lease that it is alive, and anew after it could not say so", () => {
  const { beat, miss } = createLiveness(100);
  assert.deepEqual([1_000, 1_025, 1_050, 1_099, 1_100, 1_125].map(beat), [
    false,
    false,
    false,
    false,
    true,
    true,
  ]);
  miss();
  assert.deepEqual([1_150, 1_200, 1_250].map(beat), [false, false, true]);
});

test("a process that was held up lets those be first that were held up with it", () => {
  const { beat } = createLiveness(100);
  assert.deepEqual([1_000, 1_050, 1_100].map(beat), [false, false, true]);
  // Somebody who beat as early as 1075 counts as dead from 1175 on.
  assert.deepEqual([1_176, 1_200, 1_250, 1_275, 1_276].map(beat), [false, false, false, false, true]);
});
