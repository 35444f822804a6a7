import assert from "node:assert/strict";
import { test } from "node:test";
import { releaseBytes } from "#platform/release-bytes.ts";

test("what is released is empty; what is a part of something larger stays", () => {
  const whole = Buffer.allocUnsafeSlow(100);
  releaseBytes(whole.subarray(10));
  assert.equal(whole.byteLength, 100);
  const ofThePool = Buffer.from("small");
  releaseBytes(ofThePool);
  assert.equal(ofThePool.toString(), "small");
  releaseBytes(whole);
  assert.equal(whole.byteLength, 0);
});
