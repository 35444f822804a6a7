import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createPermits } from "#dispatch/permits/create-permits.ts";
import { isPermit, type NoPermit, type Permit, type Permits } from "#dispatch/permits/permits.ts";
import type { Provider } from "#dispatch/providers/catalogue.ts";
import { createDatabase } from "#platform/database.ts";
import { createLog } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import { createTestDatabase } from "#test/database.ts";
import { startDatabaseLine } from "#test/database-line.ts";
import { provider, providersById } from "#test/providers.ts";
import { until } from "#test/until.ts";
import { dayMs, untilWindowLasts, windowOffsetMs } from "#test/windows.ts";
import { migrationsFolder } from "../service.ts";

const log = createLog("silent");
const { url, database } = await createTestDatabase();
await migrate(database, "dispatch", migrationsFolder, log);
await untilWindowLasts(dayMs);

async function start(providers: Provider[], more: { nowMs?: () => number; database?: typeof database } = {}) {
  const permits = createPermits({ catalogue: providersById(providers), database, log, ...more });
  await permits.start();
  return permits;
}

async function permitOf(permits: Permits, id: string): Promise<Permit> {
  const outcome = await permits.acquire(id);
  assert.ok(isPermit(outcome), JSON.stringify(outcome));
  return outcome;
}

const usedOf = async (permits: Permits) => (await permits.status())[0]!.quotas.map(({ used }) => used);

const hour = { limit: 100, windowMs: 3_600_000, offsetMs: windowOffsetMs(3_600_000) };

test("a permit that comes too late is not used, and counts no more", async () => {
  let atMs = 0;
  const permits = await start([provider("late", [{ ...hour, kind: "sliding-log" }])], { nowMs: () => atMs });
  const [late, used] = [await permitOf(permits, "late"), await permitOf(permits, "late")];
  assert.ok(used.use());
  atMs = 1_000;
  assert.equal(late.use(), false);
  assert.ok(used.use(), "what was used stays used");
  await until("it came back", async () => (await usedOf(permits))[0] === 1);
  used.accepted();
  used.giveBack();
  late.giveBack();
  await permits.stop();
  assert.deepEqual(await usedOf(permits), [1]);
});

test("where the last one granted blocks, it is held back", async () => {
  const quota = { kind: "block-at-limit", limit: 4, windowMs: 60_000, blockMs: 3_600_000 } as const;
  const permits = await start([provider("held-back", [quota])], { nowMs: () => 0 });
  for (let nth = 1; nth < quota.limit; nth++) (await permitOf(permits, "held-back")).use();
  const outcome = await permits.acquire("held-back");
  assert.ok(!isPermit(outcome));
  assert.deepEqual([outcome.reason, outcome.used, outcome.limit], ["spent", 3, 3]);
  assert.ok(outcome.opensInMs! < 61_000, "a window later, not a block");
  await permits.stop();
});

test("a spent quota says how much of it is used and when it opens, and opens then", async () => {
  const quota = { limit: 3, windowMs: 1_000, offsetMs: 321 };
  const permits = await start([provider("opens", [quota], { guardMs: 10 })]);
  let seen: { outcome: NoPermit; opensAtMs: number; askedAtMs: number; lookedAtMs: number } | undefined;
  await until("spent, and there was time left in this window to look", async () => {
    const askedAtMs = Date.now();
    const outcome = await permits.acquire("opens");
    if (isPermit(outcome)) outcome.use();
    else {
      const { opensAtMs } = (await permits.status())[0]!;
      const lookedAtMs = Date.now();
      if (opensAtMs && lookedAtMs - askedAtMs < 100) seen = { outcome, opensAtMs, askedAtMs, lookedAtMs };
    }
    return seen !== undefined;
  });
  const { outcome, opensAtMs, askedAtMs, lookedAtMs } = seen!;
  const { opensInMs, ...rest } = outcome;
  assert.deepEqual(rest, { reason: "spent", used: 3, limit: 3 });
  assert.equal((opensAtMs - 321) % 1_000, 0);
  // As far as the way to the database is long.
  assert.ok(
    opensInMs! > opensAtMs - lookedAtMs - 50 && opensInMs! < opensAtMs - askedAtMs + 50,
    `${opensInMs}`,
  );
  await until("open", async () => isPermit(await permits.acquire("opens")));
  assert.ok(Date.now() >= opensAtMs);
  await permits.stop();
});

test("nothing is sent that could arrive after a window which began with a request, though it is not full", async () => {
  const quota = { kind: "first-request-window", limit: 10, windowMs: 600 } as const;
  const permits = await start([provider("anchored", [quota], { guardMs: 200 })]);
  const epochNow = async () => (await permits.status())[0]!.quotas[0]!.epoch;
  let beganAtMs = 0;
  let epoch = 0;
  await until("the first is sent", async () => {
    epoch = await epochNow();
    const first = await permitOf(permits, "anchored");
    beganAtMs = performance.now();
    if (!first.use()) return false;
    first.accepted();
    return true;
  });
  let lastUsedAtMs = 0;
  await until("the window is too old, or over", async () => {
    const outcome = await permits.acquire("anchored");
    const usedAtMs = performance.now();
    if (!isPermit(outcome)) return outcome.reason === "spent";
    const isUsed = outcome.use();
    outcome.giveBack();
    if ((await epochNow()) !== epoch) return true;
    if (isUsed) lastUsedAtMs = usedAtMs;
    return false;
  });
  assert.ok(lastUsedAtMs - beganAtMs <= 400, `used after ${lastUsedAtMs - beganAtMs} ms`);
  await until("the next window", async () => isPermit(await permits.acquire("anchored")));
  assert.ok(performance.now() - beganAtMs > 550);
  await permits.stop();
});

test("nested quotas are taken all or none", async () => {
  const permits = await start([
    provider("nested", [
      { ...hour, limit: 4 },
      { ...hour, kind: "sliding-log", limit: 2 },
    ]),
  ]);
  for (let n = 0; n < 6; n++) await permits.acquire("nested");
  const outcome = await permits.acquire("nested");
  assert.ok(!isPermit(outcome) && outcome.limit === 2);
  await permits.stop();
  assert.deepEqual(await usedOf(permits), [2, 2]);
});

test("a stopped process gives back what it holds, and one under load holds some", async () => {
  const permits = await start([provider("held", [{ ...hour, limit: 100_000 }])]);
  for (let n = 0; n < 300; n++) (await permitOf(permits, "held")).use();
  await until("some are held", async () => {
    (await permitOf(permits, "held")).use();
    return (await usedOf(permits))[0]! > 310;
  });
  await permits.stop();
  const [used] = await usedOf(permits);
  assert.equal((await permits.status())[0]!.requestsToday, used);
  assert.ok(!isPermit(await permits.acquire("held")));
});

test("a quota of another limit keeps its count, one of another kind begins anew", async () => {
  const one = await start([provider("changed", [{ ...hour, limit: 10 }])]);
  for (let n = 0; n < 4; n++) (await permitOf(one, "changed")).use();
  await one.stop();
  const two = await start([provider("changed", [{ ...hour, limit: 5 }])]);
  const [state] = await two.status();
  assert.deepEqual([state!.quotas[0]!.used, state!.quotas[0]!.limit, state!.quotas[0]!.estimate], [4, 5, 5]);
  (await permitOf(two, "changed")).use();
  assert.ok(!isPermit(await two.acquire("changed")));
  await two.stop();
  const three = await start([provider("changed", [{ ...hour, kind: "first-request-window", limit: 5 }])]);
  assert.deepEqual(await usedOf(three), [0]);
  await three.stop();
});

test("whoever waits stops waiting when the signal aborts", async () => {
  const permits = await start([provider("aborted", [hour])]);
  const gone = new AbortController();
  const waiting = permits.acquire("aborted", gone.signal);
  gone.abort(new Error("gone"));
  await assert.rejects(waiting, /gone/);
  await assert.rejects(permits.acquire("aborted", gone.signal), /gone/);
  await assert.rejects(permits.acquire("unheard of"), /no provider/);
  await permits.stop();
  assert.deepEqual(await usedOf(permits), [0]);
});

test("without the database held permits are used, then there are none, and it does not hold up; then it goes on", async () => {
  const line = await startDatabaseLine(url);
  const far = createDatabase(
    {
      connectionString: line.url,
      maxConnections: 2,
      acquireTimeoutMs: 3_000,
      statementTimeoutMs: 3_000,
      applicationName: "test",
    },
    log,
  );
  const plain = provider("plain", []);
  let atMs = 0;
  const away = provider("away", [{ ...hour, limit: 100_000 }]);
  const permits = await start([away, plain], { database: far, nowMs: () => atMs });
  for (let n = 0; n < 300; n++) {
    atMs += 1;
    (await permitOf(permits, "away")).use();
  }
  line.hang();
  let got = 0;
  let outcome = await permits.acquire("away");
  for (; isPermit(outcome); outcome = await permits.acquire("away")) got += Number(outcome.use());
  assert.equal(outcome.reason, "away");
  assert.ok(got > 0, "what was held was used");
  let hasWaited = false;
  const turn = setImmediate(() => {
    hasWaited = true;
  });
  for (let n = 0; n < 100; n++) assert.ok(!isPermit(await permits.acquire("away")));
  assert.ok(!hasWaited, "nobody waits for a database that is away");
  clearImmediate(turn);
  for (let n = 0; n < 100; n++) assert.ok((await permitOf(permits, "plain")).use());
  line.cut();
  await delay(50);
  assert.ok(!isPermit(await permits.acquire("away")));
  line.release();
  await line.restore();
  await until("permits again", async () => {
    atMs += 10;
    return isPermit(await permits.acquire("away"));
  });
  await permits.stop();
  await far.close();
});
