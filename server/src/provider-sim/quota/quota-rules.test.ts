import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createQuotaRule, parseQuota } from "#provider-sim/quota/parse-quota.ts";
import type { QuotaRule } from "#provider-sim/quota/quota-rule.ts";

const rule = (text: string) => createQuotaRule(parseQuota(text));

/** "a" accepted, or how long to wait. */
function attempt(one: QuotaRule, now: number): "a" | number {
  const waitMs = one.waitMs(now);
  if (waitMs > 0) {
    one.refuse(now);
    return one.waitMs(now);
  }
  one.accept(now);
  return "a";
}

const attempts = (one: QuotaRule, times: number[]) => times.map((now) => attempt(one, now));

test("fixed-window: windows are aligned, and the count begins anew with each", () => {
  const one = rule("fixed-window:2/1s");
  assert.deepEqual(attempts(one, [10_900, 10_950, 10_999, 11_000, 11_001, 11_500]), [
    "a",
    "a",
    1,
    "a",
    "a",
    500,
  ]);
  assert.deepEqual(one.windows(), [
    { openedAt: 10_000, accepted: 2, refused: 1 },
    { openedAt: 11_000, accepted: 2, refused: 1 },
  ]);
});

test("fixed-window: an offset moves the edges", () => {
  const one = rule("fixed-window:1/1s,offset=250ms");
  assert.deepEqual(attempts(one, [10_249, 10_250, 11_249]), ["a", "a", 1]);
});

test("first-request-window: a window begins with the first request after the last one has ended", () => {
  const one = rule("first-request-window:2/1s");
  assert.deepEqual(attempts(one, [300, 1_299, 1_299, 1_300, 5_000, 5_999, 5_999]), [
    "a",
    "a",
    1,
    "a",
    "a",
    "a",
    1,
  ]);
});

test("count-then-block: the count lasts however long, the last one blocks, then it begins anew", () => {
  const one = rule("count-then-block:3,block=10s");
  assert.deepEqual(attempts(one, [0, 3_600_000, 7_200_000, 7_200_001, 7_209_999, 7_210_000, 7_210_001]), [
    "a",
    "a",
    "a",
    9_999,
    1,
    "a",
    "a",
  ]);
});

test("sliding-log: each request frees its place when it has left the window", () => {
  const one = rule("sliding-log:2/1s");
  assert.deepEqual(attempts(one, [0, 600, 999, 1_000, 1_001, 1_600]), ["a", "a", 1, "a", 599, "a"]);
});

test("block-at-limit: the last one accepted blocks, beyond its window", () => {
  const one = rule("block-at-limit:2/1s,block=5s");
  assert.deepEqual(attempts(one, [0, 100, 200, 5_099, 5_100, 5_200]), ["a", "a", 4_900, 1, "a", "a"]);
});

test("block-at-limit: who stays one below is never blocked", () => {
  const one = rule("block-at-limit:2/1s,block=5s");
  assert.deepEqual(attempts(one, [0, 1_000, 2_000, 3_000]), ["a", "a", "a", "a"]);
});

test("block-after-limit: an attempt too many blocks, and further ones do not lengthen it", () => {
  const one = rule("block-after-limit:2/1s,block=5s");
  assert.deepEqual(attempts(one, [0, 1, 1_000, 1_001, 1_500, 1_600, 6_499, 6_500]), [
    "a",
    "a",
    "a",
    "a",
    5_000,
    4_900,
    1,
    "a",
  ]);
});

const times = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 120 }).map((gaps) => {
  let now = 0;
  return gaps.map((gap) => (now += gap));
});

const acceptedAt = (one: QuotaRule, at: number[]) => at.filter((now) => attempt(one, now) === "a");

test("no stretch of a window's length holds more than the limit of a sliding log, and it wastes nothing", () => {
  fc.assert(
    fc.property(times, fc.integer({ min: 1, max: 6 }), (at, limit) => {
      const accepted: number[] = [];
      const one = rule(`sliding-log:${limit}/1s`);
      for (const now of at) {
        const fits = accepted.filter((earlier) => earlier > now - 1_000).length < limit;
        assert.equal(attempt(one, now) === "a", fits);
        if (fits) accepted.push(now);
      }
    }),
  );
});

test("no aligned window holds more than its limit, and none is left unused", () => {
  fc.assert(
    fc.property(times, fc.integer({ min: 1, max: 6 }), (at, limit) => {
      const accepted = acceptedAt(rule(`fixed-window:${limit}/1s`), at);
      const perWindow = (all: number[]) => Map.groupBy(all, (now) => Math.floor(now / 1_000));
      for (const [window, wanted] of perWindow(at)) {
        assert.equal(perWindow(accepted).get(window)?.length, Math.min(limit, wanted.length));
      }
    }),
  );
});

test("every kind takes a request once the time that it names has passed, and not before", () => {
  const kinds = [
    "fixed-window:3/1s,offset=300ms",
    "first-request-window:3/1s",
    "count-then-block:3,block=700ms",
    "sliding-log:3/1s",
    "block-at-limit:3/1s,block=1500ms",
    "block-at-limit:3/1s,block=200ms",
    "block-after-limit:3/1s,block=400ms",
  ];
  fc.assert(
    fc.property(times, fc.constantFrom(...kinds), (at, kind) => {
      const one = rule(kind);
      acceptedAt(one, at);
      const now = at.at(-1)!;
      const waitMs = one.waitMs(now);
      if (waitMs > 1) assert.ok(one.waitMs(now + waitMs - 1) > 0);
      assert.equal(one.waitMs(now + waitMs), 0);
    }),
  );
});

test("what is no quota is refused with what is wrong", () => {
  for (const [text, says] of [
    ["fixed-window", /is no quota/],
    ["constructor:1/1s", /is no quota/],
    ["fixed-window:0/1s", /limit/],
    ["fixed-window:20", /needs a window/],
    ["fixed-window:20/1s,block=2s", /has no block/],
    ["fixed-window:20/0s", /length of time/],
    ["fixed-window:20/soon", /length of time/],
    ["block-at-limit:20/1s", /needs a block/],
    ["sliding-log:20/1s,offset=1s", /has no offset/],
  ] as const) {
    assert.throws(() => parseQuota(text), says, text);
  }
});
