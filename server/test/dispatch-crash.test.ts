/** Two whole processes on one database, and what becomes of texts when one of them is killed: the providers' ledgers tell. */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { startProviderSim } from "#provider-sim/start-provider-sim.ts";
import { createTestDatabase } from "#test/database.ts";
import { spawnParley } from "#test/parley-process.ts";
import { newCaller, type ProcessAnswer, signInCaller, urlOf, withProviders } from "#test/process-caller.ts";
import { until } from "#test/until.ts";
import { dayMs, untilWindowLasts } from "#test/windows.ts";

const idempotencyHeader = "Idempotency-Key";
const careful = await startProviderSim({ idempotencyHeader });
const plain = await startProviderSim();
const paid = await startProviderSim({ price: 0.002 });
const limited = await startProviderSim({ quotas: ["fixed-window:5/1d"] });
for (const sim of [careful, plain, paid, limited]) after(() => sim.stop());

const environment = {
  DATABASE_URL: (await createTestDatabase()).url,
  PARLEY_SECRET_KEY: randomBytes(32).toString("base64"),
  ...(await withProviders({
    providers: [
      { id: "careful", url: urlOf(careful), price: 0, idempotencyHeader },
      { id: "plain", url: urlOf(plain), price: 0 },
      {
        id: "limited",
        url: urlOf(limited),
        price: 0,
        quotas: [{ kind: "fixed-window", limit: 5, window: "1d" }],
      },
      { id: "paid", url: urlOf(paid), price: 0.002 },
    ],
    processors: [
      { id: "default", providers: ["careful", "paid"] },
      { id: "plain", providers: ["plain", "paid"] },
      { id: "limited", providers: ["limited", "paid"] },
    ],
  })),
};
const survivor = await spawnParley(environment);
const caller = await newCaller(survivor.url);
const doomedPod = async () => {
  const pod = await spawnParley(environment);
  return { pod, caller: await signInCaller(pod.url, caller.email) };
};

/** As a careful client does: the same key until there is an outcome. */
async function retried(text: string, key: string, processor?: string): Promise<ProcessAnswer> {
  let answer: ProcessAnswer | undefined;
  await until("there is an outcome", async () => {
    answer = await caller.process(text, { key, ...(processor ? { processor } : {}) });
    return answer.status !== 202 && answer.body.code !== "timeout";
  });
  return answer!;
}

const lost = (): undefined => undefined;

test("what a killed process had sent to a provider that knows requests by their id is processed once", async () => {
  const { pod, caller: doomed } = await doomedPod();
  careful.reset();
  careful.behaviour({ latency: "2s" });
  const key = randomUUID();
  const call = doomed.process("hello", { key }).catch(lost);
  await until("it is under way", () => careful.ledger().underWay === 1);
  await pod.end("SIGKILL");
  await call;
  careful.behaviour({ latency: "0ms" });
  const { status, body } = await retried("hello", key);
  assert.deepEqual([status, body.result, body.provider], [200, "HELLO", "careful"]);
  const { processed, duplicates } = careful.ledger();
  assert.deepEqual([processed, duplicates, paid.ledger().processed], [1, 0, 0]);
});

test("of what it had sent to any other provider nobody knows, and it goes to no second one", async () => {
  const { pod, caller: doomed } = await doomedPod();
  plain.behaviour({ latency: "2s" });
  const key = randomUUID();
  const call = doomed.process("hello", { key, processor: "plain" }).catch(lost);
  await until("it is under way", () => plain.ledger().underWay === 1);
  await pod.end("SIGKILL");
  await call;
  assert.equal((await retried("hello", key, "plain")).body.code, "outcome-unknown");
  assert.equal((await retried("hello", key, "plain")).body.code, "outcome-unknown");
  assert.deepEqual([plain.ledger().processed, paid.ledger().processed], [1, 0]);
});

test("texts in the background survive, each processed once", async () => {
  const { pod, caller: doomed } = await doomedPod();
  careful.reset();
  careful.behaviour({ latency: "20ms" });
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, nth) => doomed.process(`text ${nth}`, { inBackground: true })),
  );
  await until("some are done", () => careful.ledger().processed > 20);
  await pod.end("SIGKILL");
  for (const { body } of answers) {
    await until("it is done", async () => (await caller.find(body.id ?? "")).body.status === "done");
  }
  const { processed, duplicates, repeatedTexts } = careful.ledger();
  assert.deepEqual([processed, duplicates, repeatedTexts], [200, 0, 0]);
});

test("under load, with every key retried elsewhere, nothing is processed twice", async () => {
  const { pod, caller: doomed } = await doomedPod();
  careful.reset();
  careful.behaviour({ latency: "5ms" });
  const keys = Array.from({ length: 300 }, () => randomUUID());
  const calls = keys.map((key) => doomed.process(key, { key }).catch(lost));
  await until("some are done", () => careful.ledger().processed > 50);
  await pod.end("SIGKILL");
  await Promise.all(calls);
  const answers = await Promise.all(keys.map((key) => retried(key, key)));
  for (const [nth, { body }] of answers.entries()) assert.equal(body.result, keys[nth]!.toUpperCase());
  const { processed, duplicates, repeatedTexts } = careful.ledger();
  assert.deepEqual([processed, duplicates, repeatedTexts], [300, 0, 0]);
  assert.equal(paid.ledger().processed, 0);
});

test("the count of a quota survives the end of everything in mid-window", async () => {
  await untilWindowLasts(dayMs);
  const providersOf = async (count: number) => {
    const { caller: own, pod } = await doomedPod();
    const answers = [];
    for (let i = 0; i < count; i++)
      answers.push((await own.process(`${i}`, { processor: "limited" })).body.provider);
    await pod.end("SIGKILL");
    return answers;
  };
  await survivor.end("SIGKILL");
  assert.deepEqual(await providersOf(3), ["limited", "limited", "limited"]);
  const later = await providersOf(4);
  // What a killed process held as a surplus stays counted: fewer may be free, never more.
  assert.deepEqual(later, [...later].sort());
  assert.ok(later.filter((id) => id === "limited").length <= 2);
  assert.equal(limited.ledger().refused, 0);
});
