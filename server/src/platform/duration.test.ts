import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDuration, parseDuration } from "#platform/duration.ts";

test("lengths of time are read and written", () => {
  for (const [text, ms] of [
    ["0ms", 0],
    ["250ms", 250],
    ["60s", 60_000],
    ["5min", 300_000],
    ["24h", 86_400_000],
    ["1d", 86_400_000],
  ] as const) {
    assert.equal(parseDuration(text), ms);
    assert.equal(parseDuration(formatDuration(ms)), ms);
  }
  assert.equal(formatDuration(90_000), "90s");
  assert.equal(formatDuration(1_500), "1500ms");
});

test("what is none is none", () => {
  for (const text of ["", "60", "1.5s", "-1s", "1 s", "01s", "1S", "1m", "99999999999s"]) {
    assert.equal(parseDuration(text), undefined, text);
  }
});
