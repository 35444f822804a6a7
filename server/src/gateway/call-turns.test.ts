import assert from "node:assert/strict";
import { test } from "node:test";
import { createCallTurns } from "#gateway/call-turns.ts";
import { toPublicError } from "#platform/errors.ts";

const turn = { timeoutMs: 5_000, signal: undefined };
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (error) => toPublicError(error).code,
  );

/** Calls that end when they are told to. */
function startCalls(count: number, run: (work: () => Promise<string>) => Promise<string>) {
  const started: (() => void)[] = [];
  const work = () => new Promise<string>((resolve) => started.push(() => resolve("done")));
  return { started, calls: Array.from({ length: count }, () => run(work)) };
}

test("of one caller only so many calls are under way; the others follow in order, and other callers are not held up", async () => {
  const turns = createCallTurns({ maxUnderWay: 2, maxWaiting: 10 });
  const { started, calls } = startCalls(5, (work) => turns.run("a", turn, work));
  assert.equal(started.length, 2);
  assert.equal(await turns.run("b", turn, async () => "at once"), "at once");
  for (let i = 0; i < 5; i++) {
    started[i]!();
    await calls[i];
    assert.ok(started.length <= Math.min(5, i + 3));
  }
  assert.deepEqual(await Promise.all(calls), Array(5).fill("done"));
});

test("refuses what goes beyond the bound", async () => {
  const turns = createCallTurns({ maxUnderWay: 1, maxWaiting: 1 });
  const { started, calls } = startCalls(3, (work) => turns.run("a", turn, work));
  assert.equal(await codeOf(calls[2]!), "too-many-requests");
  started[0]!();
  await calls[0];
  started[1]!();
  assert.equal(await calls[1], "done");
});

test("a call that times out or is aborted while it waits is never started, and its place is free again", async () => {
  const turns = createCallTurns({ maxUnderWay: 1, maxWaiting: 1 });
  const { started, calls } = startCalls(1, (work) => turns.run("a", turn, work));
  let ran = 0;
  const late = async () => {
    ran++;
  };
  assert.equal(await codeOf(turns.run("a", { timeoutMs: 1, signal: undefined }, late)), "timeout");
  const controller = new AbortController();
  const aborted = turns.run("a", { timeoutMs: 5_000, signal: controller.signal }, late);
  controller.abort();
  assert.equal(await codeOf(aborted), "cancelled");
  assert.equal(
    await codeOf(turns.run("a", { timeoutMs: 5_000, signal: AbortSignal.abort() }, late)),
    "cancelled",
  );
  const waits = turns.run("a", turn, late);
  started[0]!();
  await Promise.all([...calls, waits]);
  assert.equal(ran, 1);
});

test("a call that fails gives its place on", async () => {
  const turns = createCallTurns({ maxUnderWay: 1, maxWaiting: 1 });
  await assert.rejects(
    turns.run("a", turn, async () => Promise.reject(new Error("no"))),
    /no/,
  );
  assert.equal(await turns.run("a", turn, async () => "yes"), "yes");
});
