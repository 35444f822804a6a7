/** What a provider's refusals do, for all processes together. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createPermits } from "#dispatch/permits/create-permits.ts";
import { isPermit, type NoPermit, type Permit, type Permits } from "#dispatch/permits/permits.ts";
import type { Provider } from "#dispatch/providers/catalogue.ts";
import { createLog } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import { createTestDatabase } from "#test/database.ts";
import { createProviderModel } from "#test/provider-model.ts";
import { provider, providersById } from "#test/providers.ts";
import { until } from "#test/until.ts";
import { dayMs, untilWindowLasts, windowOffsetMs } from "#test/windows.ts";
import { migrationsFolder } from "../service.ts";

const log = createLog("silent");
const { database } = await createTestDatabase();
await migrate(database, "dispatch", migrationsFolder, log);
await untilWindowLasts(dayMs);

/** Of the processes: it goes on while a test waits for the ledger, so that a permit that was just granted is never late. */
let atMs = 0;

async function startPods(
  count: number,
  one: Provider,
  t: { after(stop: () => Promise<void>): void },
  nowMs?: () => number,
) {
  const pods = Array.from({ length: count }, () =>
    createPermits({ catalogue: providersById([one]), database, log, ...(nowMs ? { nowMs } : {}) }),
  );
  for (const pod of pods) await pod.start();
  t.after(async () => void (await Promise.all(pods.map((pod) => pod.stop()))));
  return pods;
}

async function permitOf(pod: Permits, id: string): Promise<Permit> {
  const outcome = await pod.acquire(id);
  assert.ok(isPermit(outcome), JSON.stringify(outcome));
  return outcome;
}

async function sentPermitOf(pod: Permits, id: string): Promise<Permit> {
  const permit = await permitOf(pod, id);
  assert.ok(permit.use());
  return permit;
}

async function denialOf(pod: Permits, id: string): Promise<NoPermit> {
  const outcome = await pod.acquire(id);
  assert.ok(!isPermit(outcome));
  return outcome;
}

const stateOf = async (pod: Permits) => (await pod.status())[0]!;

/** As if the block were so long from now on. */
const block = (id: string, ms: number) =>
  database.query(
    {
      name: "test.block",
      text: `UPDATE dispatch.provider_states
        SET blocked_until_ms = date_part('epoch', clock_timestamp()) * 1000 + $2 WHERE provider_id = $1`,
    },
    [id, ms],
  );

/** When the ledger was last told of something, and for how long from then on it is blocked. */
async function toldOf(id: string) {
  const [row] = await database.query<{ atMs: number; blockedForMs: number }>(
    {
      name: "test.told",
      text: `SELECT at_ms AS "atMs", blocked_until_ms - at_ms AS "blockedForMs"
        FROM dispatch.provider_states WHERE provider_id = $1`,
    },
    [id],
  );
  return row!;
}

/** Waits until some of the pods gets a permit; what the others said meanwhile. */
async function firstOf(pods: Permits[], id: string) {
  let permit: Permit | undefined;
  const reasons = new Set<string>();
  await until("a permit", async () => {
    atMs += 50;
    for (const outcome of await Promise.all(pods.map((pod) => pod.acquire(id)))) {
      if (!isPermit(outcome)) reasons.add(outcome.reason);
      else {
        assert.equal(permit, undefined, "only one gets a permit");
        permit = outcome;
      }
    }
    return permit !== undefined;
  });
  return { permit: permit!, reasons };
}

const day = { limit: 1_000, windowMs: 86_400_000, offsetMs: windowOffsetMs(86_400_000) };

test("a refusal blocks the provider for all, until the latest time that any refusal names", async (t) => {
  const [a, b] = await startPods(2, provider("monotone", [day]), t);
  const [first, second] = [await sentPermitOf(a!, "monotone"), await sentPermitOf(b!, "monotone")];
  const unsent = await permitOf(a!, "monotone");
  first.refused(60_000);
  await until("told", async () => (await stateOf(a!)).state === "blocked");
  second.refused(100);
  await until("told", async () => (await stateOf(a!)).refusalsToday === 2);
  unsent.giveBack();
  for (const pod of [a!, b!]) {
    const { reason, opensInMs } = await denialOf(pod, "monotone");
    assert.equal(reason, "blocked");
    assert.ok(opensInMs! > 50_000 && opensInMs! <= 60_000, `opens in ${opensInMs} ms`);
  }
});

test("after a block of unknown length one request alone tries, over all processes", async (t) => {
  const one = provider("probed", [{ ...day, kind: "sliding-log" }], { timeoutMs: 60_000 });
  const pods = await startPods(4, one, t, () => atMs);
  (await sentPermitOf(pods[0]!, "probed")).refused(undefined);
  await until("told", async () => (await stateOf(pods[0]!)).refusalsToday === 1);
  await block("probed", 60_000);
  assert.deepEqual(await denialOf(pods[1]!, "probed"), { reason: "blocked", opensInMs: undefined });

  await block("probed", 0);
  // What the processes were told does not hold for longer.
  atMs += 1_000;
  const { permit } = await firstOf(pods, "probed");
  assert.ok(permit.isProbe && permit.use());
  for (const pod of pods) assert.equal((await denialOf(pod, "probed")).reason, "probing");
  permit.accepted();
  await until("all are free again", async () => {
    atMs += 50;
    const outcomes = await Promise.all(pods.map((pod) => pod.acquire("probed")));
    return outcomes.every((outcome) => isPermit(outcome) && !outcome.isProbe);
  });
});

test("a probe that is not sent, or whose process dies, leaves it to another one; a refused one waits longer", async (t) => {
  const one = provider("mortal", [{ ...day, kind: "sliding-log" }], { timeoutMs: 1 });
  const pods = await startPods(4, one, t, () => atMs);
  const refusalsOf = async () => (await stateOf(pods[0]!)).refusalsToday;
  (await sentPermitOf(pods[0]!, "mortal")).refused(undefined);
  await until("told", async () => (await refusalsOf()) === 1);
  const unsent = await firstOf(pods, "mortal");
  unsent.permit.giveBack();
  const dead = await firstOf(pods, "mortal");
  assert.ok(dead.permit.isProbe && dead.permit.use());
  // Nobody hears of it again; but it does not stand in the way for ever.
  const next = await firstOf(pods, "mortal");
  assert.ok(next.permit.isProbe && next.permit.use());
  assert.deepEqual([...next.reasons], ["probing"]);
  next.permit.refused(undefined);
  await until("told", async () => (await refusalsOf()) === 2);
  const told = await toldOf("mortal");
  assert.ok(told.blockedForMs > 1_000 && told.blockedForMs < 2_600, `blocked for ${told.blockedForMs} ms`);
  // Of a request from before the block nothing is learnt about it.
  await block("mortal", 60_000);
  dead.permit.accepted();
  await until("told", async () => (await toldOf("mortal")).atMs > told.atMs);
  assert.equal((await stateOf(pods[0]!)).state, "blocked");
});

test("a refusal without a time blocks until the known end of the window", async (t) => {
  const [pod] = await startPods(
    1,
    provider("ends", [{ limit: 100, windowMs: 3_600_000, offsetMs: windowOffsetMs(3_600_000) }]),
    t,
  );
  (await sentPermitOf(pod!, "ends")).refused(undefined);
  await until("told", async () => (await stateOf(pod!)).state === "blocked");
  assert.equal((await stateOf(pod!)).opensAtMs, (await stateOf(pod!)).quotas[0]!.resetsAtMs);
});

test("a provider that grants less than declared is refused by seldom, and trusted again when it grants more", async (t) => {
  const quota = { limit: 40, windowMs: 200 };
  const one = provider("liar", [quota], { guardMs: 5 });
  const [a, b] = await startPods(2, one, t);
  let model = createProviderModel(provider("liar", [{ ...quota, limit: 10 }]).quotas);
  let refusals = 0;
  const send = async (pod: Permits) => {
    const outcome = await pod.acquire("liar");
    if (!isPermit(outcome) || !outcome.use()) return;
    const verdict = model(Date.now());
    if (verdict.isGranted) return outcome.accepted();
    refusals += 1;
    outcome.refused(verdict.retryAfterMs);
  };
  const sendFor = async (ms: number) => {
    const endsAtMs = performance.now() + ms;
    while (performance.now() < endsAtMs) {
      // Enough to use windows up on a busy machine too: only from those something is learnt.
      await Promise.all([a!, b!, a!, b!, a!, b!].map(send));
      await delay(4);
    }
  };
  let estimate = 40;
  await until("less is taken for granted", async () => {
    await sendFor(200);
    estimate = (await stateOf(a!)).quotas[0]!.estimate;
    return estimate <= 12;
  });
  assert.ok(estimate >= 8, `estimate ${estimate}`);
  refusals = 0;
  await sendFor(2_000);
  assert.ok(refusals <= 12, `${refusals} refusals in 10 windows`);
  model = createProviderModel(one.quotas);
  await until("more is granted", async () => {
    await sendFor(200);
    return (await stateOf(a!)).quotas[0]!.estimate >= 14;
  });
});

test("a provider without quotas grants without asking, and what it refuses blocks it for all", async (t) => {
  const [a, b] = await startPods(2, provider("plain", []), t);
  for (let n = 0; n < 50; n++) (await sentPermitOf(a!, "plain")).accepted();
  (await sentPermitOf(b!, "plain")).accepted();
  (await sentPermitOf(a!, "plain")).refused(60_000);
  assert.equal((await denialOf(a!, "plain")).reason, "blocked");
  await until("told", async () => !isPermit(await b!.acquire("plain")));
  assert.ok((await stateOf(b!)).requestsToday >= 51);
});

test("a count that the provider does not share, for a request was lost, is set right by one refusal", async (t) => {
  const quota = { kind: "count-then-block", limit: 6, blockMs: 150 } as const;
  const [pod] = await startPods(1, provider("lost", [quota], { guardMs: 5 }), t);
  const model = createProviderModel(provider("lost", [quota]).quotas);
  await until("one is lost", async () => {
    const permit = await permitOf(pod!, "lost");
    const isSent = permit.use();
    if (isSent) permit.unknown();
    return isSent;
  });
  let refusals = 0;
  let granted = 0;
  await until("five counts", async () => {
    const outcome = await pod!.acquire("lost");
    if (!isPermit(outcome) || !outcome.use()) return false;
    const verdict = model(Date.now());
    if (verdict.isGranted) {
      granted += 1;
      outcome.accepted();
    } else {
      refusals += 1;
      outcome.refused(verdict.retryAfterMs);
    }
    return granted >= 30;
  });
  assert.equal(refusals, 1);
  assert.equal((await stateOf(pod!)).quotas[0]!.estimate, 6);
});
