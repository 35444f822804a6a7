/** Texts of chats, for which the messenger asks. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import type { SendOutcome } from "#dispatch/sending/sender.ts";
import { createTestPermits, testCatalogue } from "#test/fake-dispatch-parts.ts";
import { hurried } from "#test/hurried.ts";
import { as, eventsOf } from "#test/pod-user.ts";
import { free, paid, shortMs, startRequestPods } from "#test/request-pods.ts";

const { startPod } = await startRequestPods();

describe("the text of a chat's message", () => {
  const asked = (userId: string) => ({
    userId,
    processor: "",
    text: "a",
    idempotencyKey: "m:1",
    mayUsePaid: false,
  });

  it("is processed once", async () => {
    const { internal, sending } = await startPod();
    const userId = randomUUID();
    const first = await internal.processMessage(asked(userId));
    assert.deepEqual([first.status, first.result, first.provider], ["done", "A", "free"]);
    assert.deepEqual(await internal.processMessage(asked(userId)), first);
    assert.equal(sending.sent.length, 1);
  });

  it("is put off when no provider takes it, and never again when it cannot be", async () => {
    const permits = createTestPermits({ free: 0 });
    const { internal } = await startPod({
      permits,
      catalogue: testCatalogue([free, paid], { paidAccess: "role" }),
    });
    const later = await internal.processMessage(asked(randomUUID()));
    assert.deepEqual(
      [later.status, later.errorCode, later.retryAfterMs],
      ["later", "payment-required", 7_000],
    );
    const never = await internal.processMessage({ ...asked(randomUUID()), processor: "none" });
    assert.deepEqual([never.status, never.errorCode], ["failed", "processor-not-found"]);
  });

  it("is nothing that the user's sockets are told of, also when it takes longer than its caller waits", async () => {
    const pod = await startPod();
    const userId = randomUUID();
    const events = await eventsOf(pod, userId);
    const { promise, resolve } = Promise.withResolvers<SendOutcome>();
    pod.sending.answer("free", () => promise);
    const early = await pod.internal.processMessage(asked(userId), hurried(userId, shortMs));
    assert.equal(early.status, "later");
    resolve({ kind: "done", result: "late" });
    assert.equal((await pod.internal.processMessage(asked(userId))).result, "late");
    assert.deepEqual(events, []);
  });

  it("does not share keys with what users send", async () => {
    const { internal, process } = await startPod();
    const userId = randomUUID();
    await process.process({ text: "other", idempotencyKey: "m:1" }, as(userId));
    assert.equal((await internal.processMessage(asked(userId))).result, "A");
  });
});
