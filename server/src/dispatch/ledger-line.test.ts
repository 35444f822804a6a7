import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { test } from "node:test";
import { LedgerLine } from "#dispatch/ledger-line.ts";
import { heldUpAfter } from "#test/held-up.ts";

function openLine() {
  const told: string[] = [];
  const line = new LedgerLine({
    nowMs: () => performance.now(),
    onAway: (isAway) => void told.push(isAway ? "away" : "back"),
    exchange() {},
    onFree() {},
  });
  const exchange = (call: () => Promise<unknown>) =>
    line.begin({ call, onReply: () => void told.push("reply"), onLost: () => void told.push("lost") });
  return { line, told, exchange };
}

const never = new Promise<never>(() => {});

test("a ledger that is late is away until it answers", async () => {
  const { line, told, exchange } = openLine();
  const answer = Promise.withResolvers<void>();
  const isLate = new Promise<void>((resolve) => {
    line.begin({
      call: () => answer.promise,
      onReply: () => void told.push("reply"),
      onLost: () => resolve(),
    });
  });
  await isLate;
  assert.ok(line.isAway);
  answer.resolve();
  await line.settled(never);
  assert.deepEqual(told, ["away", "back", "reply"]);
  exchange(async () => {
    throw new Error("broken");
  });
  await line.settled(never);
  assert.deepEqual(told.slice(3), ["away", "lost"]);
});

test("a ledger that has answered while this process was held up is not away", async () => {
  const { line, told, exchange } = openLine();
  await heldUpAfter(() => exchange(() => stat(import.meta.filename)), 1_500);
  await line.settled(never);
  assert.deepEqual(told, ["reply"]);
});
