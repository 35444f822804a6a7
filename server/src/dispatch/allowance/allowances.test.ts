import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { createAllowances } from "#dispatch/allowance/allowances.ts";
import { createAllowanceStore } from "#dispatch/allowance/store-allowances.ts";
import { sweepAllowances } from "#dispatch/allowance/sweep-allowances.ts";
import { readDatabaseTime } from "#platform/database.ts";
import { type ErrorCode, fault, toPublicError } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { createTestDatabase } from "#test/database.ts";
import { startDispatchPod } from "#test/dispatch-pod.ts";
import {
  createTestPermits,
  createTestSender,
  testCatalogue,
  testProvider,
} from "#test/fake-dispatch-parts.ts";
import { as } from "#test/pod-user.ts";
import { dayMs, untilWindowLasts } from "#test/windows.ts";

const { database } = await createTestDatabase();
await untilWindowLasts(dayMs);
const free = testProvider("free");
const paid = testProvider("paid", { priceMicros: 2_000 });

type PodOptions = Partial<Parameters<typeof startDispatchPod>[0]>;

const startPod = (options: PodOptions = {}) =>
  startDispatchPod({ database, catalogue: testCatalogue([free, paid]), ...options });

const limitOf = (limit: number) => ({ environment: { PARLEY_OCTO_FREE_MESSAGES: String(limit) } });

async function codeOf(call: Promise<unknown>): Promise<ErrorCode | "done"> {
  try {
    await call;
    return "done";
  } catch (error) {
    return toPublicError(error).code;
  }
}

/** As when the next day has come, for what is counted of these users, each of whom has one row: two could meet on their way. */
const dayLater = (userIds: readonly string[]) =>
  database.query(
    {
      name: "day-later",
      text: "UPDATE dispatch.allowances SET day = day - 1 WHERE user_id = ANY ($1::uuid[])",
    },
    [userIds],
  );

const countRows = async () =>
  (
    await database.query<{ count: number }>({
      name: "rows",
      text: "SELECT count(*) AS count FROM dispatch.allowances",
    })
  )[0]!.count;

type Pod = Awaited<ReturnType<typeof startPod>>;
const leftOf = async ({ internal }: Pod, userId: string) =>
  (await internal.getAllowance({}, as(userId))).allowance!.left;

describe("an allowance", () => {
  it("is counted down, and then refuses, before anything is sent", async () => {
    const pod = await startPod(limitOf(2));
    const user = randomUUID();
    const call = () => pod.internal.processWithinAllowance({ text: "hello" }, as(user));
    assert.equal(await leftOf(pod, user), 2);
    const first = await call();
    assert.deepEqual(
      [first.process!.result, first.process!.provider, first.allowance!.left],
      ["HELLO", "free", 1],
    );
    assert.equal((await call()).allowance!.left, 0);
    const refusal = toPublicError(await call().catch((error) => error));
    assert.equal(refusal.code, "payment-required");
    assert.ok(refusal.retryAfterMs! > 0 && refusal.retryAfterMs! <= dayMs);
    assert.equal(pod.sending.sent.length, 2);
    assert.equal(await leftOf(pod, user), 0);
    assert.equal(await leftOf(pod, randomUUID()), 2, "of another user");
  });

  it("holds for fifty at once at two pods", async () => {
    const sending = createTestSender();
    const pods = [await startPod({ sending }), await startPod({ sending })];
    const user = randomUUID();
    const calls = Array.from({ length: 50 }, (_, nth) =>
      codeOf(pods[nth % 2]!.internal.processWithinAllowance({ text: "hello" }, as(user))),
    );
    const codes = await Promise.all(calls);
    assert.equal(codes.filter((code) => code === "done").length, 10);
    assert.equal(codes.filter((code) => code === "payment-required").length, 40);
    assert.equal(sending.sent.length, 10);
  });

  it("is a new one on the next day of the database, and says when that is", async () => {
    const pod = await startPod(limitOf(1));
    const user = randomUUID();
    const call = () => codeOf(pod.internal.processWithinAllowance({ text: "hello" }, as(user)));
    assert.deepEqual([await call(), await call()], ["done", "payment-required"]);
    const before = await readDatabaseTime(database);
    const { refreshedAt } = (await pod.internal.getAllowance({}, as(user))).allowance!;
    const after = await readDatabaseTime(database);
    const atMs = timestampMs(refreshedAt!);
    assert.equal(atMs % dayMs, 0);
    assert.ok(atMs > before && atMs <= after + dayMs);
    await dayLater([user]);
    assert.deepEqual([await call(), await call()], ["done", "payment-required"]);
  });

  it("may be none at all", async () => {
    const pod = await startPod(limitOf(0));
    const user = randomUUID();
    assert.equal(
      await codeOf(pod.internal.processWithinAllowance({ text: "a" }, as(user))),
      "payment-required",
    );
    assert.equal(await leftOf(pod, user), 0);
  });

  it("is not below zero when the limit has been lowered", async () => {
    const user = randomUUID();
    const before = await startPod(limitOf(2));
    for (let i = 0; i < 2; i++) await before.internal.processWithinAllowance({ text: "a" }, as(user));
    assert.equal(await leftOf(await startPod(limitOf(1)), user), 0);
  });
});

describe("beyond the allowance", () => {
  it("the role paid goes on, by a paid provider too, and uses the allowance first", async () => {
    const catalogue = testCatalogue([free, paid], { paidAccess: "role" });
    const pod = await startPod({ ...limitOf(1), catalogue, permits: createTestPermits({ free: 1 }) });
    const user = randomUUID();
    const call = () => pod.internal.processWithinAllowance({ text: "a" }, as(user, ["paid"]));
    const first = await call();
    assert.deepEqual([first.process!.provider, first.allowance!.left], ["free", 0]);
    assert.equal((await call()).process!.provider, "paid");
  });

  it("nobody else does, though everybody may use what costs", async () => {
    const pod = await startPod(limitOf(1));
    const user = randomUUID();
    const call = () => codeOf(pod.internal.processWithinAllowance({ text: "a" }, as(user)));
    assert.deepEqual([await call(), await call()], ["done", "payment-required"]);
  });
});

describe("what was not processed", () => {
  it("does not count", async () => {
    const catalogue = testCatalogue([free, paid], { paidAccess: "role" });
    const pod = await startPod({ ...limitOf(1), catalogue, permits: createTestPermits({ free: 0 }) });
    const user = randomUUID();
    const call = () => codeOf(pod.internal.processWithinAllowance({ text: "a" }, as(user)));
    assert.equal(await call(), "payment-required");
    assert.equal(await leftOf(pod, user), 1);
    pod.permits.open("free", 1);
    pod.sending.answer("free", { kind: "rejected", reason: "http-400" });
    assert.equal(await call(), "provider-failed");
    assert.equal(await leftOf(pod, user), 1);
    assert.equal(await codeOf(pod.internal.processWithinAllowance({ text: "" }, as(user))), "invalid-input");
    assert.equal(await leftOf(pod, user), 1);
  });

  it("counts when nobody knows whether it was", async () => {
    const pod = await startPod(limitOf(1));
    const user = randomUUID();
    pod.sending.answer("free", { kind: "unknown", reason: "connection-lost" });
    assert.equal(
      await codeOf(pod.internal.processWithinAllowance({ text: "a" }, as(user))),
      "outcome-unknown",
    );
    assert.equal(await leftOf(pod, user), 0);
  });

  it("takes nothing off another day, and nothing below zero", async () => {
    const store = createAllowanceStore(database);
    const user = randomUUID();
    const { day } = await store.take(user, 5);
    await dayLater([user]);
    await store.take(user, 5);
    await store.giveBack(user, day - 1);
    await store.giveBack(user, day - 1);
    assert.equal((await store.read(user)).used, 1);
  });

  it("is lost, and no more than that, when it cannot be given back", async () => {
    const store = {
      ...createAllowanceStore(database),
      giveBack: async () => {
        throw fault("unavailable");
      },
    };
    const log = createLog("silent");
    const allowances = createAllowances({ store, limit: 3, log, telemetry: noTelemetry });
    const user = randomUUID();
    await (await allowances.take(user)).giveBack();
    assert.equal((await allowances.read(user)).left, 2);
  });
});

it("refuses strangers", async () => {
  const { internal } = await startPod();
  assert.equal(await codeOf(internal.getAllowance({})), "unauthenticated");
  assert.equal(await codeOf(internal.processWithinAllowance({ text: "a" })), "unauthenticated");
});

it("says that nothing was sent when the database cannot count", async () => {
  let isAway = false;
  const query: typeof database.query = async (statement, values) => {
    if (isAway && statement.name.startsWith("dispatch.allowances")) throw fault("unavailable");
    return database.query(statement, values);
  };
  const pod = await startPod({ database: { ...database, query } });
  const user = as(randomUUID());
  isAway = true;
  assert.equal(
    await codeOf(pod.internal.processWithinAllowance({ text: "a" }, user)),
    "requests-unavailable",
  );
  assert.equal(await codeOf(pod.internal.getAllowance({}, user)), "requests-unavailable");
  assert.equal(pod.sending.sent.length, 0);
});

it("sweeps the days before yesterday", async () => {
  await startPod();
  const store = createAllowanceStore(database);
  await database.query({ name: "forget", text: "DELETE FROM dispatch.allowances" });
  const users = Array.from({ length: 6 }, () => randomUUID());
  await Promise.all(users.slice(1).map((user) => store.take(user, 1)));
  await dayLater(users);
  await store.take(users[0]!, 1);
  await sweepAllowances(store);
  assert.equal(await countRows(), 6);
  await dayLater(users);
  assert.equal(await store.sweep(3), 3);
  await sweepAllowances(store);
  assert.equal(await countRows(), 1);
});
