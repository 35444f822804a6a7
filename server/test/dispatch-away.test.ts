/** The database goes away and comes back: what can still be processed is, out of a reserve, and nothing is processed twice. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import type { ListProvidersResponse } from "@parley/api/v2/admin";
import { startProviderSim } from "#provider-sim/start-provider-sim.ts";
import { createTestDatabase } from "#test/database.ts";
import { startDatabaseLine } from "#test/database-line.ts";
import { startParley } from "#test/parley.ts";
import { newCaller, urlOf, withProviders } from "#test/process-caller.ts";
import { until } from "#test/until.ts";
import { dayMs, untilWindowLasts } from "#test/windows.ts";

const limited = await startProviderSim({ quotas: ["fixed-window:1000/1d"] });
const paid = await startProviderSim({ price: 0.002 });
for (const sim of [limited, paid]) after(() => sim.stop());
const line = await startDatabaseLine((await createTestDatabase()).url);
const parley = await startParley({
  DATABASE_URL: line.url,
  PARLEY_ADMIN_EMAILS: "operator@example.com",
  ...(await withProviders({
    spendCap: { whileDatabaseAway: 0.006 },
    providers: [
      {
        id: "limited",
        url: urlOf(limited),
        price: 0,
        quotas: [{ kind: "fixed-window", limit: 1_000, window: "1d" }],
      },
      { id: "paid", url: urlOf(paid), price: 0.002 },
    ],
    processors: [
      { id: "default", providers: ["limited", "paid"] },
      { id: "paid", providers: ["paid"] },
    ],
  })),
});
const caller = await newCaller(parley.url);
// What is spent is counted for each day.
await untilWindowLasts(dayMs);

test("without the database texts go on, paid out of the reserve and no further; with it, all is as before", async () => {
  assert.equal((await caller.process("before")).body.provider, "limited");
  // The reserve is set aside by the first exchange, and operators see it.
  assert.equal((await caller.process("before", { processor: "paid" })).body.provider, "paid");
  const operator = await newCaller(parley.url, "operator@example.com");
  const { spendCap } = await operator.get<ListProvidersResponse>("/v2/admin/providers");
  assert.deepEqual([spendCap?.spentToday, spendCap?.reservedToday], [0.002, 0.006]);
  const chargedBefore = paid.ledger().processed;
  line.cut();
  const codes: string[] = [];
  for (let nth = 0; nth < 10; nth++) {
    const { body } = await caller.process(`away ${nth}`, { processor: "paid" });
    codes.push(body.provider ?? body.code ?? "");
  }
  assert.deepEqual(codes.slice(0, 3), ["paid", "paid", "paid"]);
  assert.deepEqual(new Set(codes.slice(3)), new Set(["spend-cap-reached"]));
  assert.equal(paid.ledger().processed - chargedBefore, 3);

  const key = randomUUID();
  const keptCodes = ["requests-unavailable", "timeout"];
  const kept = await caller.process("with a key", { key });
  assert.ok(keptCodes.includes(kept.body.code ?? ""), JSON.stringify(kept.body));
  const later = await caller.process("in the background", { inBackground: true });
  assert.ok(keptCodes.includes(later.body.code ?? ""), JSON.stringify(later.body));
  // However many of these fail: what needs no row goes on.
  for (let nth = 0; nth < 30; nth++) {
    const { body } = await caller.process("with a key", { key });
    assert.ok(keptCodes.includes(body.code ?? ""), JSON.stringify(body));
  }
  const last = await caller.process("the last", { processor: "paid" });
  assert.equal(last.body.code, "spend-cap-reached", JSON.stringify(last.body));

  await line.restore();
  await until("it is processed", async () => (await caller.process("with a key", { key })).status === 200);
  assert.equal((await caller.process("with a key", { key })).body.provider, "limited");
  assert.equal(limited.ledger().repeatedTexts, 0);
  assert.equal(limited.ledger().refused, 0);
});

test("an outcome that cannot be written down at once is kept all the same", async () => {
  limited.behaviour({ latency: "400ms" });
  const key = randomUUID();
  const call = caller.process("in between", { key });
  await until("it is under way", () => limited.ledger().underWay === 1);
  line.cut();
  await until("it is processed", () => limited.ledger().underWay === 0);
  await line.restore();
  const { status, body } = await call;
  assert.deepEqual([status, body.result], [200, "IN BETWEEN"]);
  assert.deepEqual((await caller.process("in between", { key })).body, body);
  assert.equal(limited.ledger().repeatedTexts, 0);
});
