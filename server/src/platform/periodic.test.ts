import assert from "node:assert/strict";
import { test } from "node:test";
import { createPeriodic } from "#platform/periodic.ts";
import { until } from "#test/until.ts";

test("runs again after a run that failed, and not before one has ended", async () => {
  const errors: unknown[] = [];
  let underWay = 0;
  let runs = 0;
  const periodic = createPeriodic({
    everyMs: 1,
    async run() {
      assert.equal(++underWay, 1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      underWay -= 1;
      if (++runs === 1) throw new Error("the first");
    },
    onError: (error) => errors.push(error),
  });
  periodic.start();
  await until("it has run three times", () => runs >= 3);
  await periodic.stop();
  assert.deepEqual(errors.map(String), ["Error: the first"]);
});

test("a stop tells the run that is under way, waits for it, and no other comes", async () => {
  let runs = 0;
  let ended = false;
  const periodic = createPeriodic({
    everyMs: 1,
    async run(signal) {
      runs += 1;
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      await new Promise(setImmediate);
      ended = true;
    },
    onError: assert.fail,
  });
  periodic.start();
  await until("it runs", () => runs === 1);
  await periodic.stop();
  assert.ok(ended);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(runs, 1);
});
