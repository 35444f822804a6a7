import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { SendOutcome } from "#dispatch/sending/sender.ts";
import {
  createTestPermits,
  createTestSender,
  testCatalogue,
  testProvider,
} from "#test/fake-dispatch-parts.ts";
import { hurried } from "#test/hurried.ts";
import { as, eventsOf } from "#test/pod-user.ts";
import { codeOf, free, paid, shortMs, startRequestPods } from "#test/request-pods.ts";
import { until } from "#test/until.ts";

const { database, rowsOf, startPod } = await startRequestPods();

describe("a request without a key", () => {
  it("leaves nothing behind", async () => {
    const { process } = await startPod();
    const user = randomUUID();
    const answer = await process.process({ text: "hello" }, as(user));
    assert.equal(answer.result, "HELLO");
    assert.deepEqual([answer.id, answer.status, answer.provider, answer.cost], ["", "done", "free", 0]);
    assert.deepEqual(await rowsOf(user), []);
  });

  it("refuses texts that are empty, too long or not Unicode, and processors that there are not", async () => {
    const { process } = await startPod({ environment: { PARLEY_PROCESS_MAX_TEXT_BYTES: "5" } });
    const caller = as(randomUUID());
    for (const text of ["", "123456", "äää", "\ud800", "a\0b"]) {
      assert.equal(await codeOf(process.process({ text }, caller)), "invalid-input", JSON.stringify(text));
    }
    assert.equal((await process.process({ text: "12345" }, caller)).result, "12345");
    assert.equal(
      await codeOf(process.process({ text: "a", processor: "none" }, caller)),
      "processor-not-found",
    );
    assert.equal(await codeOf(process.process({ text: "a" })), "unauthenticated");
  });

  it("is for paid providers only where the user may use them", async () => {
    const permits = createTestPermits({ free: 0 });
    const { process } = await startPod({
      catalogue: testCatalogue([free, paid], { paidAccess: "role" }),
      permits,
    });
    assert.equal(await codeOf(process.process({ text: "a" }, as(randomUUID()))), "payment-required");
    const answer = await process.process({ text: "a" }, as(randomUUID(), ["paid"]));
    assert.equal(answer.provider, "paid");
    assert.equal(answer.cost, 0.002);
    assert.ok(answer.freeOpensAt);
  });

  it("is given up when its caller's time is over", async () => {
    const { process, sending } = await startPod();
    let isAborted = false;
    sending.answer("free", async ({ signal }): Promise<SendOutcome> => {
      await new Promise((resolve) => signal?.addEventListener("abort", resolve, { once: true }));
      isAborted = true;
      return { kind: "unknown", reason: "cancelled" };
    });
    assert.equal(await codeOf(process.process({ text: "a" }, as(randomUUID(), [], 50))), "timeout");
    await until("it is given up", () => isAborted);
    assert.equal(sending.sentTo("paid"), 0);
  });
});

describe("a request with a key", () => {
  it("is processed once, however often it is repeated", async () => {
    const { process, sending } = await startPod();
    const caller = as(randomUUID());
    const first = await process.process({ text: "hello", idempotencyKey: "one" }, caller);
    const again = await process.process({ text: "hello", idempotencyKey: "one" }, caller);
    assert.deepEqual(again, first);
    assert.equal(first.status, "done");
    assert.equal(sending.sent.length, 1);
    assert.deepEqual(await process.getProcess({ id: first.id }, caller), first);
  });

  it("keeps no text once it has ended", async () => {
    const { process } = await startPod();
    const user = randomUUID();
    await process.process({ text: "hello", idempotencyKey: "one" }, as(user));
    const [row] = await rowsOf(user);
    assert.deepEqual([row!.status, row!.text, row!.owner], ["done", null, null]);
  });

  it("belongs to its user: others have the same key for themselves, and cannot ask for it", async () => {
    const { process, sending } = await startPod();
    const { id } = await process.process({ text: "a", idempotencyKey: "k" }, as(randomUUID()));
    await process.process({ text: "b", idempotencyKey: "k" }, as(randomUUID()));
    assert.equal(sending.sent.length, 2);
    assert.equal(await codeOf(process.getProcess({ id }, as(randomUUID()))), "process-not-found");
  });

  it("refuses another text, or another processor, under the same key", async () => {
    const { process } = await startPod();
    const caller = as(randomUUID());
    await process.process({ text: "a", idempotencyKey: "k" }, caller);
    assert.equal(
      await codeOf(process.process({ text: "b", idempotencyKey: "k" }, caller)),
      "idempotency-key-reused",
    );
    const both = [
      process.process({ text: "a", idempotencyKey: "n" }, caller),
      codeOf(process.process({ text: "b", idempotencyKey: "n" }, caller)),
    ] as const;
    assert.equal((await both[0]).result, "A");
    assert.equal(await both[1], "idempotency-key-reused");
  });

  it("is processed once when fifty come at the same moment at two pods", async () => {
    const sending = createTestSender();
    sending.answer("free", async ({ text }) => {
      await delay(50);
      return { kind: "done", result: text.toUpperCase() };
    });
    const pods = [await startPod({ sending }), await startPod({ sending })];
    const caller = as(randomUUID());
    const calls = Array.from({ length: 50 }, (_, nth) =>
      pods[nth % 2]!.process.process({ text: "hello", idempotencyKey: "same" }, caller),
    );
    const answers = await Promise.all(calls);
    assert.equal(sending.sent.length, 1);
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
  });

  it("keeps a failure that may have been charged", async () => {
    const { process, sending } = await startPod();
    const caller = as(randomUUID());
    sending.answer("free", { kind: "unknown", reason: "connection-lost" });
    const call = () => process.process({ text: "a", idempotencyKey: "k" }, caller);
    assert.equal(await codeOf(call()), "outcome-unknown");
    sending.answer("free", { kind: "done", result: "late" });
    assert.equal(await codeOf(call()), "outcome-unknown");
    assert.equal(sending.sent.length, 1);
  });

  it("frees the key when nothing was processed", async () => {
    const permits = createTestPermits({ free: 0, paid: 0 });
    const { process } = await startPod({ permits });
    const caller = as(randomUUID());
    const call = () => process.process({ text: "a", idempotencyKey: "k" }, caller);
    assert.equal(await codeOf(call()), "no-provider");
    permits.open("free", 1);
    assert.equal((await call()).result, "A");
  });

  it("goes on when its caller's time is over, says so, and keeps the outcome", async () => {
    const { process, sending, ...pod } = await startPod();
    const user = randomUUID();
    const events = await eventsOf(pod, user);
    const { promise, resolve } = Promise.withResolvers<SendOutcome>();
    sending.answer("free", () => promise);
    const request = { text: "a", idempotencyKey: "k" };
    const answer = await process.process(request, hurried(user, shortMs));
    assert.equal(answer.status, "running");
    resolve({ kind: "done", result: "late" });
    await until("it has ended", async () => {
      return (await process.getProcess({ id: answer.id }, as(user))).status === "done";
    });
    assert.equal((await process.process(request, as(user))).result, "late");
    assert.equal(sending.sent.length, 1);
    assert.deepEqual(
      events.map((event) => [event.kind, event.process?.id, event.process?.status]),
      [["process", answer.id, "done"]],
    );
  });

  it("does not suffer from a first caller with less time", async () => {
    const narrow = testProvider("narrow", { concurrency: 1, maxQueueMs: 60_000 });
    const { process, sending } = await startPod({ catalogue: testCatalogue([narrow]) });
    const { promise, resolve } = Promise.withResolvers<SendOutcome>();
    sending.answer("narrow", ({ text }) => (text === "hold" ? promise : { kind: "done", result: "A" }));
    const user = randomUUID();
    const hold = process.process({ text: "hold" }, as(user));
    await until("the place is taken", () => sending.sent.length === 1);
    const first = process.process({ text: "a", idempotencyKey: "k" }, hurried(user, shortMs));
    const patient = process.process({ text: "a", idempotencyKey: "k" }, as(user, [], 60_000));
    assert.equal((await first).status, "running");
    await delay(200);
    resolve({ kind: "done", result: "held" });
    await hold;
    assert.equal((await patient).result, "A");
    assert.equal(sending.sent.length, 2);
  });

  it("sends nothing when it cannot be written down, whereas one without a key goes", async () => {
    const broken = new Proxy(database, {
      get(target, name) {
        if (name !== "query") return Reflect.get(target, name);
        return (statement: { name: string }, values: unknown[]) => {
          if (statement.name.startsWith("dispatch.requests") && isAway) throw new Error("away");
          return target.query(statement as never, values);
        };
      },
    });
    let isAway = false;
    const { process, sending } = await startPod({ database: broken });
    isAway = true;
    await assert.rejects(process.process({ text: "a", idempotencyKey: "k" }, as(randomUUID())));
    assert.equal(sending.sent.length, 0);
    assert.equal((await process.process({ text: "a" }, as(randomUUID()))).result, "A");
    isAway = false;
  });
});
