import assert from "node:assert/strict";
import { test } from "node:test";
import { watchProgress } from "#gateway/blobs/progress.ts";
import { toPublicError } from "#platform/errors.ts";

test("standing still ends a transfer, by whose fault it is; going on slowly does not", (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  let now = 0;
  const pass = (ms: number) => {
    for (let step = 0; step < ms; step += 100) {
      now += 100;
      context.mock.timers.tick(100);
    }
  };
  const told: string[] = [];
  const watch = () =>
    watchProgress(
      { clientMs: 1_000, serviceMs: 2_000 },
      (e) => told.push(toPublicError(e).code),
      () => now,
    );
  const slow = watch();
  for (let i = 0; i < 50; i += 1) {
    slow.waitFor(i % 2 ? "client" : "service");
    pass(900);
  }
  assert.deepEqual(told, []);
  slow.waitFor("client");
  pass(1_500);
  assert.deepEqual(told, ["request-timeout"]);
  const service = watch();
  pass(1_900);
  assert.equal(told.length, 1);
  pass(700);
  assert.deepEqual(told, ["request-timeout", "timeout"]);
  service.stop();
  watch().stop();
  pass(5_000);
  assert.equal(told.length, 2);
});
