import assert from "node:assert/strict";
import { test } from "node:test";
import { createStampWriters, epochField } from "#platform/stamps/stamp-writers.ts";

const forgetMs = 30_000;
const setUp = () => createStampWriters({ forgetMs });
/** What HGETALL answers. */
const inRedis = (epoch: string | undefined, signs: Record<string, number>): string[] => [
  ...(epoch === undefined ? [] : [epochField, epoch]),
  ...Object.entries(signs).flatMap(([writer, atMs]) => [writer, String(atMs)]),
];

test("the oldest sign of life counts", () => {
  const writers = setUp();
  assert.equal(writers.hear(inRedis("e1", {}), 1_000).oldestMs, undefined);
  assert.equal(writers.hear(inRedis("e1", { a: 900, b: 700 }), 1_000).oldestMs, 300);
  assert.equal(writers.hear(inRedis("e1", { a: 1_000, b: 1_050 }), 1_100).oldestMs, 100);
});

test("who takes its name out has ended and is not waited for", () => {
  const writers = setUp();
  writers.hear(inRedis("e1", { a: 1_000, b: 1_000 }), 1_000);
  assert.equal(writers.hear(inRedis("e1", { a: 1_900 }), 2_000).oldestMs, 100);
});

test("after Redis was emptied, who was heard of before is waited for until it signs again", () => {
  const writers = setUp();
  writers.hear(inRedis("e1", { a: 1_000, b: 1_000 }), 1_000);
  assert.equal(writers.hear(inRedis("e2", { a: 2_000 }), 2_000).oldestMs, 1_000);
  assert.equal(
    writers.hear(inRedis("e2", { a: 3_000 }), 3_000).oldestMs,
    2_000,
    "nor forgotten a moment later",
  );
  assert.equal(
    writers.hear(inRedis("e3", { a: 4_000 }), 4_000).oldestMs,
    3_000,
    "nor when emptied once more",
  );
  assert.equal(writers.hear(inRedis("e3", { a: 5_000, b: 5_000 }), 5_000).oldestMs, 0);
  assert.equal(writers.hear(inRedis("e3", { a: 6_000 }), 6_000).oldestMs, 0, "b has ended");
});

test("when it cannot be told whether Redis was emptied, who is missing is waited for", () => {
  const writers = setUp();
  writers.hear(inRedis(undefined, { a: 1_000, b: 1_000 }), 1_000);
  assert.equal(writers.hear(inRedis(undefined, { a: 2_000 }), 2_000).oldestMs, 1_000);
  assert.equal(writers.hear(inRedis("e1", { a: 3_000 }), 3_000).oldestMs, 2_000);
});

test("who was not heard of for long has ended, whether Redis remembers it or not", () => {
  const writers = setUp();
  writers.hear(inRedis("e1", { a: 1_000, b: 1_000, c: 1_000 }), 1_000);
  const nowMs = 1_000 + forgetMs;
  assert.deepEqual(writers.hear(inRedis("e2", { a: nowMs, b: 1_000 }), nowMs), {
    oldestMs: forgetMs,
    ended: [],
  });
  const heard = writers.hear(inRedis("e2", { a: nowMs, b: 1_000 }), nowMs + 1);
  assert.equal(heard.oldestMs, 1);
  assert.deepEqual([...heard.ended].sort(), ["b", "c"]);
});
