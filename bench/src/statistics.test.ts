import assert from "node:assert/strict";
import { test } from "node:test";
import { repeated } from "./statistics.ts";

test("the median of an odd and of an even number of values", () => {
  assert.deepEqual(repeated([10, 2, 9]), { median: 9, min: 2, max: 10 });
  assert.deepEqual(repeated([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 });
});

test("nothing measured has no median", () => {
  assert.throws(() => repeated([]), RangeError);
});
