import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import { createSilenceLimit } from "#platform/silence-limit.ts";
import { heldUpAfter } from "#test/held-up.ts";

test("ends after its time, once; is whole again when it is renewed, and does not end once stopped", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let ends = 0;
  const limit = createSilenceLimit(1_000, () => void ends++);
  const endsAfter = async (ms: number) => {
    t.mock.timers.tick(ms);
    await turn();
    return ends;
  };
  assert.equal(await endsAfter(999), 0);
  assert.equal(await endsAfter(1), 1);
  assert.equal(await endsAfter(10_000), 1);
  limit.renew();
  assert.equal(await endsAfter(750), 1);
  limit.renew();
  assert.equal(await endsAfter(750), 1);
  assert.equal(await endsAfter(250), 2);
  limit.renew();
  limit.stop();
  assert.equal(await endsAfter(10_000), 2);
});

for (const [when, afterMs] of [
  ["from the start", 0],
  ["shortly before the end", 350],
] as const) {
  test(`an answer that came while the process itself was held up, ${when}, is not late`, async () => {
    let hasEnded = false;
    const limit = createSilenceLimit(400, () => {
      hasEnded = true;
    });
    await delay(afterMs);
    await heldUpAfter(() => stat(import.meta.filename), 1_000);
    limit.stop();
    assert.equal(hasEnded, false);
  });
}
