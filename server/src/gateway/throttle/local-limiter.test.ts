import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createLocalLimiter } from "#gateway/throttle/local-limiter.ts";
import { parseRateLimit, RateLimit } from "#gateway/throttle/rate-limit.ts";

const limitOf = (text: string) => parseRateLimit(text) as RateLimit;

function startLimiter(limit: RateLimit, maxBuckets = 1_000) {
  const time = { nowMs: 1_000 };
  const limiter = createLocalLimiter({
    name: "test",
    limit,
    maxBuckets,
    nowMs: () => time.nowMs,
  });
  const take = (key = "a") => limiter.take(key) as number;
  return { limiter, time, take };
}

const limits = fc
  .record({ count: fc.integer({ min: 1, max: 50 }), burst: fc.integer({ min: 1, max: 20 }) })
  .map(({ count, burst }) => new RateLimit(count, 1_000, burst, ""));
const pauses = fc.array(
  fc.oneof(
    fc.constant(0),
    fc.double({ min: 0, max: 60, noNaN: true }),
    fc.double({ min: 0, max: 3_000, noNaN: true }),
  ),
  {
    minLength: 1,
    maxLength: 200,
  },
);

test("never lets more pass than the burst and the rate allow, in any interval", () => {
  fc.assert(
    fc.property(limits, pauses, (limit, pausesMs) => {
      const { time, take } = startLimiter(limit);
      const passedAtMs: number[] = [];
      for (const pauseMs of pausesMs) {
        time.nowMs += pauseMs;
        if (take() === 0) passedAtMs.push(time.nowMs);
      }
      for (const [i, from] of passedAtMs.entries()) {
        for (let j = i; j < passedAtMs.length; j++) {
          const most = limit.burst + (passedAtMs[j]! - from) / limit.intervalMs;
          assert.ok(j - i + 1 <= most + 1e-6, `${j - i + 1} in ${passedAtMs[j]! - from} ms`);
        }
      }
    }),
  );
});

test("waiting as long as a refusal says is enough, and refused calls cost nothing", () => {
  fc.assert(
    fc.property(limits, pauses, fc.integer({ min: 0, max: 50 }), (limit, pausesMs, insistence) => {
      const { time, take } = startLimiter(limit);
      for (const pauseMs of pausesMs) {
        time.nowMs += pauseMs;
        const retryAfterMs = take();
        if (retryAfterMs === 0) continue;
        const untilMs = time.nowMs + retryAfterMs;
        for (let i = 0; i < insistence; i++) {
          time.nowMs += (untilMs - time.nowMs) / 2;
          if (time.nowMs < untilMs) assert.ok(take() > 0, "a refusal holds until the time that it said");
        }
        time.nowMs = untilMs;
        assert.equal(take(), 0);
      }
    }),
  );
});

test("gives the whole burst again after it was left alone for long enough, and lets a steady caller pass for ever", () => {
  const { time, take } = startLimiter(limitOf("10/s burst 20"));
  const passed = () => Array.from({ length: 30 }, () => take()).filter((ms) => ms === 0).length;
  assert.equal(passed(), 20);
  time.nowMs += 2_000;
  assert.equal(passed(), 20);
  time.nowMs += 5_000;
  for (let i = 0; i < 1_000; i++) {
    time.nowMs += 100;
    assert.equal(take(), 0, `call ${i}`);
  }
});

test("a refusal holds for a second, so that no later call passes before the refused one can be repeated", () => {
  const { limiter, time, take } = startLimiter(limitOf("100/s burst 1"));
  assert.equal(take(), 0);
  assert.equal(take(), 1_000);
  time.nowMs += 999;
  assert.equal(limiter.left("a").count, 0, "nothing is to be had meanwhile");
  assert.equal(take(), 1);
  time.nowMs += 1;
  assert.equal(take(), 0);
});

test("each key has a bucket of its own", () => {
  const { take } = startLimiter(limitOf("1/min"));
  assert.equal(take("a"), 0);
  assert.ok(take("a") > 0);
  assert.equal(take("b"), 0);
});

test("keeps no more buckets in mind than it may, and forgets those that are full first", () => {
  const { limiter, time, take } = startLimiter(limitOf("1/s burst 1000"), 100);
  for (let i = 0; i < 1_000; i++) take("busy");
  for (let i = 0; i < 5_000; i++) {
    take(`stranger ${i}`);
    // A stranger's bucket is full again after a second, the busy one's after 1,000.
    time.nowMs += 20;
  }
  assert.ok(limiter.bucketCount <= 100, `${limiter.bucketCount}`);
  assert.equal(limiter.left("busy").count, 100, "what was taken is not forgotten");
});

test("even if no bucket is full, there are no more than it may keep", () => {
  const { limiter, take } = startLimiter(limitOf("1/h burst 2"), 100);
  for (let i = 0; i < 1_000; i++) take(`stranger ${i}`);
  assert.equal(limiter.bucketCount, 100);
});

test("a call that is given back does not count", () => {
  const { limiter, take } = startLimiter(limitOf("2/min"));
  for (let i = 0; i < 10; i++) {
    assert.equal(take(), 0);
    limiter.giveBack("a");
  }
  assert.equal(limiter.left("a").count, 2);
  assert.deepEqual([take(), take()], [0, 0]);
  assert.ok(take() > 0);
});

test("says what is left", () => {
  const { limiter, time, take } = startLimiter(limitOf("2/s burst 10"));
  assert.deepEqual(limiter.left("a"), { count: 10, fillMs: 0 });
  for (let i = 0; i < 4; i++) take();
  assert.deepEqual(limiter.left("a"), { count: 6, fillMs: 2_000 });
  time.nowMs += 1_000;
  assert.deepEqual(limiter.left("a"), { count: 8, fillMs: 1_000 });
});
