import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createWorkQueue } from "#identity/work-queue.ts";
import { expectFault } from "#test/identity.ts";

/** Work that ends when it is told to. */
function job() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { work: () => promise, end: resolve, fail: reject };
}

test("runs no more than allowed at a time, and the rest in the order in which they came", async () => {
  const queue = createWorkQueue({ maxRunning: 2, maxWaiting: 10 });
  const began: number[] = [];
  let running = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      queue.run(async () => {
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
  const queue = createWorkQueue({ maxRunning: 1, maxWaiting: 1 });
  const first = job();
  const running = queue.run(first.work);
  const waiting = queue.run(async () => "waited");
  await expectFault(
    queue.run(async () => {}),
    "overloaded",
  );
  first.end();
  await running;
  assert.equal(await waiting, "waited");
  assert.equal(await queue.run(async () => "room"), "room");
});

test("failed work gives its slot back, whether it fails at once or later", async () => {
  const queue = createWorkQueue({ maxRunning: 1, maxWaiting: 1 });
  const failing = () => {
    throw new Error("at once");
  };
  await assert.rejects(queue.run(failing), /at once/);
  await assert.rejects(
    queue.run(() => Promise.reject(new Error("later"))),
    /later/,
  );
  assert.equal(await queue.run(async () => "fine"), "fine");
});

test("a caller who goes away while waiting gives up the place and costs no work", async () => {
  const queue = createWorkQueue({ maxRunning: 1, maxWaiting: 1 });
  const first = job();
  const running = queue.run(first.work);
  const gone = new AbortController();
  const worked: string[] = [];
  const waiting = queue.run(async () => worked.push("worked"), gone.signal);
  gone.abort(new Error("gone"));
  await assert.rejects(waiting, /gone/);
  const next = queue.run(async () => "next");
  first.end();
  await running;
  assert.equal(await next, "next");
  assert.deepEqual(worked, []);
  await assert.rejects(
    queue.run(async () => {}, gone.signal),
    /gone/,
  );
});

test("stopping refuses what waits and what comes, and waits for what runs", async () => {
  const queue = createWorkQueue({ maxRunning: 1, maxWaiting: 5 });
  const first = job();
  const running = queue.run(first.work);
  const waiting = expectFault(
    queue.run(async () => {}),
    "unavailable",
  );
  let stopped = false;
  const stopping = queue.stop().then(() => {
    stopped = true;
  });
  await waiting;
  await expectFault(
    queue.run(async () => {}),
    "unavailable",
  );
  assert.equal(stopped, false);
  first.end();
  await Promise.all([running, stopping]);
});
