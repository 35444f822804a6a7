import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProcessingOutcome } from "#messenger/processing/process-text.ts";
import { ProcessingWorker, type ProcessingWorkerOptions } from "#messenger/processing/processing-worker.ts";
import type { ClaimedText } from "#messenger/store-processing.ts";
import { createLog } from "#platform/log.ts";
import { until } from "#test/until.ts";

const claimedText = (messageSeq: number): ClaimedText => ({
  chatId: "chat",
  messageSeq,
  seq: messageSeq,
  processor: "default",
  userId: "anna",
  mayUsePaid: false,
  attempts: 1,
  ageMs: 0,
  text: "text",
});

/** Texts in memory; each is processed as `process` says. */
function createWorker(
  t: { after(work: () => Promise<void>): void },
  process: (text: ClaimedText, signal: AbortSignal) => Promise<ProcessingOutcome>,
  overrides: Partial<ProcessingWorkerOptions> = {},
) {
  const due: ClaimedText[] = [];
  const ended: string[] = [];
  const claims: number[] = [];
  const worker = new ProcessingWorker({
    async claim(limit) {
      claims.push(limit);
      return due.splice(0, limit);
    },
    process,
    workers: 4,
    pollMs: 600_000,
    metrics: { ended: (outcome) => void ended.push(outcome) },
    log: createLog("silent"),
    ...overrides,
  });
  t.after(() => worker.stop(0));
  return { worker, due, ended, claims };
}

test("takes no more at once than it may, and all in the end", async (t) => {
  let running = 0;
  let most = 0;
  const process = async (): Promise<ProcessingOutcome> => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    return "done";
  };
  const { worker, due, ended, claims } = createWorker(t, process);
  due.push(...Array.from({ length: 50 }, (_, index) => claimedText(index)));
  worker.start();
  await until("all are done", () => ended.length === 50);
  assert.equal(most, 4);
  assert.ok(claims.length <= 30, `several at a time: ${claims.length} claims`);
});

test("is woken by a word, also while it looks", async (t) => {
  const { worker, due, ended } = createWorker(t, async () => "done");
  worker.start();
  due.push(claimedText(1));
  worker.wake();
  await until("it is done", () => ended.length === 1);
  due.push(claimedText(2));
  worker.wake();
  await until("the other is done", () => ended.length === 2);
});

test("finds by itself what nobody told it of", async (t) => {
  const { worker, due, ended } = createWorker(t, async () => "done", { pollMs: 5 });
  worker.start();
  await until("it has looked", () => due.length === 0);
  due.push(claimedText(1));
  await until("it is done", () => ended.length === 1);
});

test("while dispatch is away it takes nothing, whoever wakes it, and goes on afterwards", async (t) => {
  let isAway = true;
  const outcomes: string[] = [];
  const claimsWhileAway: number[] = [];
  // Within the moment in which the pause has begun, so that it cannot have ended.
  const ended = (outcome: string) => {
    if (outcomes.push(outcome) !== 4) return;
    const before = claims.length;
    due.push(claimedText(5));
    for (let i = 0; i < 10; i++) worker.wake();
    claimsWhileAway.push(claims.length - before);
  };
  const process = async (): Promise<ProcessingOutcome> => (isAway ? "away" : "done");
  const { worker, due, claims } = createWorker(t, process, { pollMs: 5, metrics: { ended } });
  due.push(...Array.from({ length: 4 }, (_, index) => claimedText(index)));
  worker.start();
  await until("all were tried", () => outcomes.length >= 4);
  assert.deepEqual(claimsWhileAway, [0]);
  isAway = false;
  await until("the pause has ended", () => outcomes.at(-1) === "done");
});

test("a database that fails does not end it", async (t) => {
  let calls = 0;
  const claim = async () => {
    if (++calls === 1) throw new Error("away");
    return calls === 2 ? [claimedText(1)] : [];
  };
  const { worker, ended } = createWorker(t, async () => Promise.reject(new Error("away")), {
    claim,
    pollMs: 5,
  });
  worker.start();
  await until("one was taken", () => ended.length === 1);
  assert.deepEqual(ended, ["error"]);
  await until("it goes on", () => calls > 2);
});

test("stop waits for what is under way, then aborts it, and takes nothing more", async (t) => {
  const process = (_: ClaimedText, signal: AbortSignal) =>
    new Promise<ProcessingOutcome>((resolve) => signal.addEventListener("abort", () => resolve("released")));
  const { worker, due, ended, claims } = createWorker(t, process);
  due.push(claimedText(1));
  worker.start();
  await until("it is taken", () => due.length === 0);
  await worker.stop(10);
  assert.deepEqual(ended, ["released"]);
  const before = claims.length;
  due.push(claimedText(2));
  worker.wake();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(claims.length, before);
});
