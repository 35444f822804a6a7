import assert from "node:assert/strict";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { test } from "node:test";
import { createStallWatch, unlessStalled } from "#blobs/stores/stall-watch.ts";
import { toPublicError } from "#platform/errors.ts";
import { heldUpAfter } from "#test/held-up.ts";

test("a store that is silent is given up, but not while it is somebody else's turn", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const watch = createStallWatch(1_000);
  watch.pause();
  t.mock.timers.tick(10_000);
  watch.resume();
  assert.equal(watch.signal.aborted, false);
  const aborted = once(watch.signal, "abort");
  t.mock.timers.tick(1_000);
  await aborted;
  assert.equal(toPublicError(watch.signal.reason).code, "blob-store-unavailable");
  watch.stop();
});

test("a store that has answered while this process was held up was not silent", async () => {
  const ask = () =>
    unlessStalled(400, undefined, async (signal) => {
      await stat(import.meta.filename);
      return signal;
    });
  assert.equal((await heldUpAfter(ask, 1_000)).aborted, false);
});
