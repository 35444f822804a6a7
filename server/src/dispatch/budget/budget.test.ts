import assert from "node:assert/strict";
import { test } from "node:test";
import { type Budget, isReserved, type Reservation, type Spending } from "#dispatch/budget/budget.ts";
import { type BudgetOptions, createBudget } from "#dispatch/budget/create-budget.ts";
import { createDatabase } from "#platform/database.ts";
import { createLog } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import { createTestDatabase } from "#test/database.ts";
import { startDatabaseLine } from "#test/database-line.ts";
import { until } from "#test/until.ts";
import { dayMs, untilWindowLasts } from "#test/windows.ts";
import { migrationsFolder } from "../service.ts";

const log = createLog("silent");
const { url, database } = await createTestDatabase();
await migrate(database, "dispatch", migrationsFolder, log);
await untilWindowLasts(dayMs);

type Caps = Partial<BudgetOptions["catalogue"]>;

async function start(caps: Caps, more: Partial<BudgetOptions> = {}) {
  const budget = createBudget({
    catalogue: { spendCapMicros: undefined, userSpendCapMicros: undefined, awayCapMicros: 0, ...caps },
    database,
    log,
    ...more,
  });
  await budget.start();
  return budget;
}

/** Each test begins with nothing spent. */
const forget = () =>
  database.query({
    name: "test.forget",
    text: `TRUNCATE dispatch.spend_days, dispatch.spend_by_provider, dispatch.spend_by_user, dispatch.away_reserves`,
  });

const spending = (userId: string, amountMicros = 10): Spending => ({
  userId,
  providerId: "paid",
  amountMicros,
});

async function reserved(budget: Budget, one: Spending): Promise<Reservation> {
  const outcome = await budget.reserve(one);
  assert.ok(isReserved(outcome), JSON.stringify(outcome));
  return outcome;
}

async function capOf(budget: Budget, one: Spending) {
  const outcome = await budget.reserve(one);
  assert.ok(!isReserved(outcome));
  return outcome;
}

const spentOf = async (budget: Budget) => (await budget.status()).spentMicros;

test("the cap of a day is reached to the last, and not passed, by processes that spend at once", async () => {
  await forget();
  const budgets = await Promise.all([1, 2, 3, 4].map(() => start({ spendCapMicros: 1_005 })));
  const outcomes = await Promise.all(
    Array.from({ length: 400 }, (_, n) => budgets[n % 4]!.reserve(spending(`user ${n}`))),
  );
  assert.equal(outcomes.filter(isReserved).length, 100);
  assert.equal(await spentOf(budgets[0]!), 1_000);
  const { cap, opensInMs } = await capOf(budgets[1]!, spending("anna"));
  assert.equal(cap, "day");
  assert.ok(opensInMs! > 0 && opensInMs! <= 86_400_000);
  (await reserved(budgets[1]!, spending("anna", 5))).release();
  await Promise.all(budgets.map((budget) => budget.stop()));
});

test("one user's cap leaves the others theirs, and does not let through what is free", async () => {
  await forget();
  const [a, b] = await Promise.all([1, 2].map(() => start({ userSpendCapMicros: 100 })));
  const outcomes = await Promise.all(
    Array.from({ length: 40 }, (_, n) => (n % 2 ? a! : b!).reserve(spending(n < 30 ? "anna" : "ben"))),
  );
  assert.equal(outcomes.filter(isReserved).length, 20);
  assert.equal((await capOf(a!, spending("anna"))).cap, "user");
  await reserved(a!, spending("anna", 0));
  await Promise.all([a!.stop(), b!.stop()]);
});

test("what was not sent costs nothing, however often that is said", async () => {
  await forget();
  const budget = await start({ spendCapMicros: 30 });
  const reservations = await Promise.all([1, 2, 3].map(() => reserved(budget, spending("anna"))));
  await capOf(budget, spending("anna"));
  for (const one of [...reservations.slice(0, 2), ...reservations.slice(0, 2)]) one.release();
  await until("released", async () => (await spentOf(budget)) === 10);
  await reserved(budget, spending("anna"));
  await budget.stop();
  assert.deepEqual([...(await budget.status()).byProviderMicros], [["paid", 20]]);
});

test("a day that is over leaves the next one its whole cap", async () => {
  await forget();
  const budget = await start({ spendCapMicros: 30, userSpendCapMicros: 30 });
  await reserved(budget, spending("anna", 30));
  await capOf(budget, spending("anna"));
  for (const table of ["spend_days", "spend_by_provider", "spend_by_user"]) {
    await database.query({ name: `test.${table}`, text: `UPDATE dispatch.${table} SET day = day - 1` });
  }
  await reserved(budget, spending("anna", 30));
  assert.equal(await spentOf(budget), 30);
  await budget.stop();
});

test("what is set aside counts as spent, until it is given back; that of a dead process for the day", async () => {
  await forget();
  const caps = { spendCapMicros: 100, awayCapMicros: 60 };
  const [dead, stopped] = [await start(caps), await start(caps)];
  assert.deepEqual((await stopped.status()).reservedMicros, 100, "no more than there is");
  await capOf(stopped, spending("anna"));
  await stopped.stop();
  assert.deepEqual((await stopped.status()).reservedMicros, 60);
  const next = await start({ spendCapMicros: 100 });
  await reserved(next, spending("anna", 40));
  await capOf(next, spending("anna", 1));
  await Promise.all([next.stop(), dead.stop()]);
  assert.equal((await next.status()).reservedMicros, 0);
});

test("whoever asks while the process stops is answered, and what was set aside goes back all the same", async () => {
  await forget();
  const caps = { spendCapMicros: 200, awayCapMicros: 50 };
  const [budget, next] = [await start(caps), await start(caps)];
  const outcome = budget.reserve(spending("anna"));
  await budget.stop();
  const { spentMicros, reservedMicros } = await next.status();
  assert.deepEqual({ spentMicros, reservedMicros }, { spentMicros: 10, reservedMicros: 50 });
  assert.ok(isReserved(await outcome));
  await next.stop();
});

test("without the database a process spends what it has set aside, and tells of it afterwards", async () => {
  await forget();
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
  const caps = { spendCapMicros: 1_000, userSpendCapMicros: 40, awayCapMicros: 60 };
  let aheadMs = 0;
  const budget = await start(caps, { database: far, nowMs: () => performance.now() + aheadMs });
  line.cut();
  const unsent = await reserved(budget, spending("anna", 20));
  await reserved(budget, spending("anna", 20));
  assert.equal((await capOf(budget, spending("anna", 20))).cap, "user");
  await reserved(budget, spending("ben", 20));
  assert.deepEqual(await capOf(budget, spending("cleo", 1)), { cap: "away", opensInMs: undefined });
  unsent.release();
  await reserved(budget, spending("cleo", 5));

  aheadMs = 86_400_000;
  assert.equal(
    (await capOf(budget, spending("cleo", 1))).cap,
    "away",
    "nothing was set aside for the next day",
  );
  aheadMs = 0;
  await line.restore();
  const watching = await start({});
  await until("told", async () => (await spentOf(watching)) === 45);
  await until("set aside anew", async () => (await watching.status()).reservedMicros === 60);
  // The process itself hears of it a moment after the database has it.
  await until("money is there", async () => isReserved(await budget.reserve(spending("anna", 20))));
  await capOf(budget, spending("anna", 1));
  await Promise.all([budget.stop(), watching.stop()]);
  assert.deepEqual([(await watching.status()).reservedMicros, await spentOf(watching)], [0, 65]);
  await far.close();
});

test("a release whose answer was lost is told again, and counts once", async () => {
  await forget();
  let losesAnswers = false;
  const lossy = {
    ...database,
    async queryArrays(...call: Parameters<typeof database.queryArrays>) {
      const rows = await database.queryArrays(...call);
      if (losesAnswers) throw new Error("the answer was lost");
      return rows;
    },
  } as typeof database;
  const budget = await start({ spendCapMicros: 100 }, { database: lossy });
  const [one] = await Promise.all([1, 2, 3].map(() => reserved(budget, spending("anna", 30))));
  losesAnswers = true;
  one!.release();
  const watching = await start({});
  await until("released", async () => (await spentOf(watching)) === 60);
  losesAnswers = false;
  await until("it spends again", async () => isReserved(await budget.reserve(spending("anna", 1))));
  assert.equal(await spentOf(watching), 61);
  await Promise.all([budget.stop(), watching.stop()]);
});
