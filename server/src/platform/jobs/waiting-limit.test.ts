import assert from "node:assert/strict";
import { test } from "node:test";
import { toPublicError } from "#platform/errors.ts";
import { createWaitingLimit } from "#platform/jobs/waiting-limit.ts";

function setUp(maxWaiting: number) {
  const state = { nowMs: 0, waiting: 0, counts: 0 };
  const limit = createWaitingLimit({
    maxWaiting,
    nowMs: () => state.nowMs,
    async count() {
      state.counts += 1;
      return state.waiting;
    },
  });
  /** How many are taken before one is refused. */
  const takeAll = async () => {
    for (let taken = 0; taken < 100; taken++) {
      const refusal = await limit.take().catch((error) => toPublicError(error).code);
      if (refusal === undefined) continue;
      assert.equal(refusal, "overloaded");
      return taken;
    }
    return assert.fail("none is refused");
  };
  return { state, takeAll };
}

test("what waits already counts, and so does what is taken before it is counted again", async () => {
  const { state, takeAll } = setUp(10);
  state.waiting = 4;
  assert.equal(await takeAll(), 6);
  assert.equal(await takeAll(), 0);
  assert.equal(state.counts, 1);
});

test("it is counted again after a second, and there is room for what is done meanwhile", async () => {
  const { state, takeAll } = setUp(10);
  assert.equal(await takeAll(), 10);
  state.waiting = 7;
  state.nowMs = 1_000;
  assert.equal(await takeAll(), 0);
  state.nowMs = 1_001;
  assert.equal(await takeAll(), 3);
  assert.equal(state.counts, 2);
});
