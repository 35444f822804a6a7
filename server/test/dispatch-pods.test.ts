/** Whole processes that share providers, and what is hard to get right between them; the providers' ledgers tell. */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startProviderSim } from "#provider-sim/start-provider-sim.ts";
import { createTestDatabase } from "#test/database.ts";
import { spawnParley } from "#test/parley-process.ts";
import { newCaller, type ProcessCaller, signInCaller, urlOf, withProviders } from "#test/process-caller.ts";
import { until } from "#test/until.ts";
import { dayMs, untilWindowLasts } from "#test/windows.ts";

const blocking = await startProviderSim({ retryAfter: false });
const daily = await startProviderSim({ quotas: ["fixed-window:20/1d"] });
const lying = await startProviderSim();
const paid = await startProviderSim({ price: 0.002 });
for (const sim of [blocking, daily, lying, paid]) after(() => sim.stop());

const quota = (limit: number, window: string, kind: "fixed-window" | "sliding-log" = "fixed-window") => ({
  quotas: [{ kind, limit, window }],
});
const environment = {
  DATABASE_URL: (await createTestDatabase()).url,
  PARLEY_SECRET_KEY: randomBytes(32).toString("base64"),
  PARLEY_CIRCUITS: "off",
  ...(await withProviders({
    providers: [
      { id: "blocking", url: urlOf(blocking), price: 0, timeout: "5s", ...quota(1_000, "1d", "sliding-log") },
      { id: "daily", url: urlOf(daily), price: 0, ...quota(20, "1d") },
      { id: "lying", url: urlOf(lying), price: 0, ...quota(20, "1s") },
      { id: "paid", url: urlOf(paid), price: 0.002 },
    ],
    processors: ["blocking", "daily", "lying"].map((id) => ({ id, providers: [id, "paid"] })),
  })),
};
/** Every use of the machine's clock in that process is an hour ahead. */
const hourAhead = `data:text/javascript,${encodeURIComponent(`
  const { now } = Date;
  Date.now = () => now() + 3_600_000;
  globalThis.Date = class extends Date { constructor(...of) { if (of.length > 0) super(...of); else super(Date.now()); } };
`)}`;
const right = await spawnParley(environment);
const wrong = await spawnParley({ ...environment, NODE_OPTIONS: `--import=${hourAhead}` });
const caller = await newCaller(right.url);
const atWrong = await signInCaller(wrong.url, caller.email);

const lost = (): undefined => undefined;

test("the end of the process that holds the probe leaves it to another one, when its time is over", async () => {
  const doomed = await spawnParley(environment);
  const atDoomed = await signInCaller(doomed.url, caller.email);
  const ask = async (at: ProcessCaller) =>
    (await at.process("hello", { processor: "blocking" })).body.provider;
  // It does not say for how long, and nothing else does.
  blocking.behaviour({ quotas: ["sliding-log:1/1d"] });
  assert.equal(await ask(atDoomed), "blocking");
  assert.equal(await ask(atDoomed), "paid");
  blocking.behaviour({ quotas: [], latency: "10s" });
  blocking.reset();
  let probe: Promise<unknown> | undefined;
  await until("it probes", () => {
    probe ??= ask(atDoomed)
      .catch(lost)
      .finally(() => {
        probe = undefined;
      });
    return blocking.ledger().underWay === 1;
  });
  await doomed.end("SIGKILL");
  await probe;
  blocking.behaviour({ latency: "0ms" });
  // The token of the dead one lives on; meanwhile texts are paid for, and none is sent in vain.
  assert.equal(await ask(caller), "paid");
  const accepted = blocking.ledger().accepted;
  assert.equal(accepted, 1);
  await until("another one has probed", async () =>
    (await Promise.all([ask(caller), ask(atWrong)])).includes("blocking"),
  );
  await until("both send again", async () => {
    return (await Promise.all([ask(caller), ask(atWrong)])).every((id) => id === "blocking");
  });
  assert.equal(blocking.ledger().refused, 0);
});

test("a process whose clock is an hour off counts in the same windows, and tells the right times", async () => {
  // Until the end of the test that follows, which finds the quota used up.
  await untilWindowLasts(dayMs);
  const answers = [];
  for (let nth = 0; nth < 15; nth++) {
    answers.push(await caller.process(`right ${nth}`, { processor: "daily" }));
    answers.push(await atWrong.process(`wrong ${nth}`, { processor: "daily" }));
  }
  // Surpluses that the one holds are not the other's.
  const free = answers.filter(({ body }) => body.provider === "daily").length;
  assert.deepEqual([daily.ledger().accepted, daily.ledger().refused], [free, 0]);
  assert.ok(free >= 18 && free <= 20, `${free}`);
  const opensAtMs = Math.ceil(Date.now() / dayMs) * dayMs;
  for (const at of [caller, atWrong]) {
    const { body } = await at.process("more", { processor: "daily" });
    assert.equal(body.provider, "paid");
    assert.ok(Math.abs(Date.parse(body.freeOpensAt ?? "") - opensAtMs) < 10_000, String(body.freeOpensAt));
  }
});

test("one key at a right and a wrong process at once is processed once; so is what is in the background", async () => {
  const before = paid.ledger().processed;
  for (let nth = 0; nth < 10; nth++) {
    const key = randomUUID();
    const [one, other] = await Promise.all(
      [caller, atWrong].map((at) => at.process(`key ${nth}`, { processor: "daily", key })),
    );
    assert.equal(one!.status, 200);
    assert.deepEqual(one!.body, other!.body);
  }
  assert.equal(paid.ledger().processed - before, 10);
  const { body } = await atWrong.process("later", { processor: "daily", inBackground: true });
  await until("it is done", async () => (await caller.find(body.id ?? "")).body.status === "done");
  assert.equal(paid.ledger().processed - before, 11);
});

test("a provider that grants less than it says is found out by all, and no text is lost by that", async () => {
  lying.behaviour({ quotas: ["fixed-window:5/1s"] });
  const windowsOver = () => lying.ledger().windows.length - 1;
  await loadUntil("it has refused, and two windows are over", () => {
    return lying.ledger().refused > 0 && windowsOver() >= 2;
  });
  const learnt = lying.ledger();
  const { served, offered } = await loadUntil("six more are over", () => {
    return windowsOver() >= learnt.windows.length + 6;
  });
  assert.equal(served, offered);
  const windows = lying.ledger().windows.slice(learnt.windows.length, -1);
  const refused = windows.reduce((sum, window) => sum + window.refused, 0);
  // Each refusal costs a window at the most; one now and then tells whether it grants more again.
  assert.ok(refused < windows.length, `${refused} refused in ${windows.length} windows`);
  assert.ok(windows.every(({ accepted }) => accepted <= 5));
});

/** Both processes, as fast as they answer. */
async function loadUntil(what: string, isSo: () => boolean) {
  let [offered, served, isOver] = [0, 0, false];
  const keepOn = async (at: ProcessCaller) => {
    while (!isOver) {
      offered += 1;
      if ((await at.process("hello", { processor: "lying" })).status === 200) served += 1;
      await delay(20);
    }
  };
  const load = Promise.all([caller, atWrong].flatMap((at) => [keepOn(at), keepOn(at)]));
  await until(what, isSo, 60_000).finally(() => {
    isOver = true;
  });
  await load;
  return { offered, served };
}
