import { strict as assert } from "node:assert";
import { type TestContext, test } from "node:test";
import { type ErrorCode, toPublicError } from "#platform/errors.ts";
import { createGate } from "#platform/gate.ts";

async function expectFault(promise: Promise<unknown>, code: ErrorCode) {
  await assert.rejects(promise, (error) => toPublicError(error).code === code);
}

/** Work that ends when it is told to. */
function job() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { work: () => promise, end: resolve, fail: reject };
}

/** Time that passes only when it is told to. */
function standStill(t: TestContext) {
  let nowMs = 0;
  t.mock.timers.enable({ apis: ["setTimeout"] });
  t.mock.method(performance, "now", () => nowMs);
  return (ms: number) => {
    nowMs += ms;
    t.mock.timers.tick(ms);
  };
}

test("runs no more than allowed at a time, and the rest in the order in which they came", async () => {
  const gate = createGate({ maxRunning: 2, maxWaiting: 10 });
  const began: number[] = [];
  let running = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      gate.run(async () => {
        began.push(i);
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
      }),
    ),
  );
  assert.equal(most, 2);
  assert.deepEqual(began, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("refuses what would wait beyond the bound, and takes more when there is room again", async () => {
  const gate = createGate({ maxRunning: 1, maxWaiting: 1 });
  const first = job();
  const running = gate.run(first.work);
  const waiting = gate.run(async () => "waited");
  await expectFault(
    gate.run(async () => {}),
    "overloaded",
  );
  first.end();
  await running;
  assert.equal(await waiting, "waited");
  assert.equal(await gate.run(async () => "room"), "room");
});

test("failed work gives its place back, whether it fails at once or later", async () => {
  const gate = createGate({ maxRunning: 1, maxWaiting: 1 });
  const failing = () => {
    throw new Error("at once");
  };
  await assert.rejects(gate.run(failing), /at once/);
  await assert.rejects(
    gate.run(() => Promise.reject(new Error("later"))),
    /later/,
  );
  assert.equal(await gate.run(async () => "fine"), "fine");
});

test("a caller who goes away while waiting gives up the place and costs no work", async () => {
  const gate = createGate({ maxRunning: 1, maxWaiting: 1 });
  const first = job();
  const running = gate.run(first.work);
  const gone = new AbortController();
  const worked: string[] = [];
  const waiting = gate.run(async () => worked.push("worked"), gone.signal);
  gone.abort(new Error("gone"));
  await assert.rejects(waiting, /gone/);
  const next = gate.run(async () => "next");
  first.end();
  await running;
  assert.equal(await next, "next");
  assert.deepEqual(worked, []);
  await assert.rejects(
    gate.run(async () => {}, gone.signal),
    /gone/,
  );
});

test("stopping refuses what waits and what comes, and waits for what runs", async () => {
  const gate = createGate({ maxRunning: 1, maxWaiting: 5 });
  const first = job();
  const running = gate.run(first.work);
  const waiting = expectFault(
    gate.run(async () => {}),
    "unavailable",
  );
  let stopped = false;
  const stopping = gate.stop().then(() => {
    stopped = true;
  });
  await waiting;
  await expectFault(
    gate.run(async () => {}),
    "unavailable",
  );
  assert.equal(stopped, false);
  first.end();
  await Promise.all([running, stopping]);
});

test("whoever waits too long is refused, even while nobody leaves, and costs no work", async (t) => {
  const pass = standStill(t);
  const gate = createGate({ maxRunning: 1, maxWaiting: 10, maxWaitMs: 20 });
  const first = job();
  const running = gate.run(first.work);
  const worked: number[] = [];
  const late = [1, 2, 3].map((n) => gate.run(async () => worked.push(n)));
  const refused = late.map((waiting) => expectFault(waiting, "overloaded"));
  pass(19);
  assert.deepEqual([gate.waiting, gate.running, gate.refused], [3, 1, 0]);
  pass(1);
  await Promise.all(refused);
  assert.deepEqual([gate.waiting, gate.running, gate.refused], [0, 1, 3]);
  const next = gate.run(async () => "in time");
  first.end();
  await running;
  assert.equal(await next, "in time");
  assert.deepEqual(worked, []);
});

test("who came later is refused as well, when the time has come", async (t) => {
  const pass = standStill(t);
  const gate = createGate({ maxRunning: 1, maxWaiting: 10, maxWaitMs: 30 });
  await gate.enter();
  const early = expectFault(gate.enter(), "overloaded");
  pass(15);
  const later = expectFault(gate.enter(), "overloaded");
  pass(15);
  await early;
  assert.deepEqual([gate.waiting, gate.running], [1, 1]);
  pass(15);
  await later;
  assert.deepEqual([gate.waiting, gate.running], [0, 1]);
});

test("a place taken without waiting counts like any other", async () => {
  const gate = createGate({ maxRunning: 1, maxWaiting: 1 });
  assert.equal(gate.tryEnter(), true);
  assert.equal(gate.tryEnter(), false);
  const waiting = gate.run(async () => "next");
  gate.leave();
  assert.equal(await waiting, "next");
  assert.deepEqual([gate.waiting, gate.running, gate.refused], [0, 0, 0]);
});
