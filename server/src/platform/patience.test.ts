import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { test } from "node:test";
import { createPatience } from "#platform/patience.ts";
import { heldUpAfter } from "#test/held-up.ts";

test("ends after its time, once; is whole again when it is renewed, and does not end once stopped", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let ends = 0;
  const patience = createPatience(1_000, () => void ends++);
  const endsAfter = (ms: number) => {
    t.mock.timers.tick(ms);
    return ends;
  };
  assert.equal(endsAfter(999), 0);
  assert.equal(endsAfter(1), 1);
  assert.equal(endsAfter(10_000), 1);
  patience.renew();
  assert.equal(endsAfter(750), 1);
  patience.renew();
  assert.equal(endsAfter(750), 1);
  assert.equal(endsAfter(250), 2);
  patience.renew();
  patience.stop();
  assert.equal(endsAfter(10_000), 2);
});

test("an answer that came while the process itself was held up is not late", async () => {
  let hasEnded = false;
  const patience = createPatience(400, () => {
    hasEnded = true;
  });
  await heldUpAfter(() => stat(import.meta.filename), 1_000);
  patience.stop();
  assert.equal(hasEnded, false);
});
