import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { retryAfterMs } from "#dispatch/sending/retry-after.ts";

const date = "Sun, 06 Nov 1994 08:49:37 GMT";

const cases: [string, Record<string, string | string[]>, number | undefined][] = [
  ["seconds", { "retry-after": "120" }, 120_000],
  ["a fraction", { "retry-after": "0.25" }, 250],
  ["none", {}, undefined],
  ["a date, by the answer's own", { "retry-after": "Sun, 06 Nov 1994 08:50:37 GMT", date }, 60_000],
  ["a date that has passed", { "retry-after": "Sun, 06 Nov 1994 08:00:00 GMT", date }, 0],
  ["a date without one to compare it with", { "retry-after": date }, undefined],
  ["negative", { "retry-after": "-5", date }, undefined],
  ["a year", { "retry-after": "1994-11-06", date }, undefined],
  ["absurd", { "retry-after": "99999999999999999999" }, 86_400_000],
  ["the larger one", { "retry-after": "1", ratelimit: '"a";r=0;t=30' }, 30_000],
  ["only quotas that are used up", { ratelimit: '"d";r=5;t=3600, "s";r=0;t=2' }, 2_000],
  ["all of those", { ratelimit: ['"d";r=0;t=3600', '"s,;r=0;t=9";r=0;t=2'] }, 3_600_000],
  ["none used up", { ratelimit: '"d";r=5;t=3600' }, undefined],
  ["the draft before", { ratelimit: "limit=10, remaining=0, reset=7" }, 7_000],
  ["the draft before, with some left", { ratelimit: "limit=10, remaining=1, reset=7" }, undefined],
  ["fields apart", { "ratelimit-remaining": "0", "ratelimit-reset": "9" }, 9_000],
  ["fields apart, with some left", { "ratelimit-remaining": "3", "ratelimit-reset": "9" }, undefined],
  ["a reset alone", { "ratelimit-reset": "9" }, 9_000],
];
for (const [name, headers, expected] of cases) {
  test(`${name}: ${JSON.stringify(headers)}`, () => assert.equal(retryAfterMs(headers), expected));
}

test("whatever a provider says, it is a bounded time or nothing", () => {
  const value = fc.oneof(
    fc.string(),
    fc.stringMatching(/^[";,=rt0-9 a-z]{0,40}$/),
    fc.constant('"\\'.repeat(9_000)),
  );
  const headers = fc.record({
    "retry-after": value,
    date: value,
    ratelimit: value,
    "ratelimit-reset": value,
  });
  fc.assert(
    fc.property(headers, (one) => {
      const delayMs = retryAfterMs(one);
      assert.ok(delayMs === undefined || (delayMs >= 0 && delayMs <= 86_400_000), String(delayMs));
    }),
  );
});
