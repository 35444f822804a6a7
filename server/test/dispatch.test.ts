/** Texts processed by simulated providers, whose ledgers say what really arrived; and all that providers can do wrong. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, beforeEach, describe, it } from "node:test";
import type { ListProvidersResponse } from "@parley/api/v2/admin";
import { startProviderSim } from "#provider-sim/start-provider-sim.ts";
import { startParley } from "#test/parley.ts";
import { newCaller, urlOf, withProviders } from "#test/process-caller.ts";
import { until } from "#test/until.ts";
import { hourMs, untilWindowLasts } from "#test/windows.ts";

const idempotencyHeader = "Idempotency-Key";
const free = await startProviderSim();
const paid = await startProviderSim({ price: 0.002 });
const careful = await startProviderSim({ idempotencyHeader });
const limited = await startProviderSim({ quotas: ["fixed-window:3/1h"] });
for (const sim of [free, paid, careful, limited]) after(() => sim.stop());

await untilWindowLasts(hourMs);
const parley = await startParley({
  // Providers fail on purpose here, one test after the other; what circuits do is tested with the router.
  PARLEY_CIRCUITS: "off",
  PARLEY_ADMIN_EMAILS: "operator@example.com",
  ...(await withProviders({
    providers: [
      { id: "free", url: urlOf(free), price: 0 },
      // Where the test has it wait in vain; a busy machine makes nobody wait for so long.
      { id: "impatient", url: urlOf(free), price: 0, timeout: "1s" },
      { id: "careful", url: urlOf(careful), price: 0, idempotencyHeader },
      {
        id: "limited",
        url: urlOf(limited),
        price: 0,
        quotas: [{ kind: "fixed-window", limit: 3, window: "1h" }],
      },
      { id: "paid", url: urlOf(paid), price: 0.002 },
    ],
    processors: [
      { id: "default", providers: ["free", "paid"] },
      { id: "careful", providers: ["careful", "paid"] },
      { id: "limited", providers: ["limited", "paid"] },
      { id: "only-limited", providers: ["limited"] },
      { id: "only-free", providers: ["free"] },
      { id: "impatient", providers: ["impatient", "paid"] },
      { id: "persistent", providers: ["impatient", "paid"], delivery: "at-least-once" },
    ],
  })),
});
const caller = await newCaller(parley.url);

beforeEach(() => {
  for (const sim of [free, paid, careful]) {
    sim.reset();
    sim.behaviour({ script: [], latency: "0ms" });
  }
});

describe("processing", () => {
  it("answers with the free provider's result, for nothing", async () => {
    const { status, body } = await caller.process("hello");
    assert.equal(status, 200);
    assert.deepEqual([body.result, body.provider, body.reason], ["HELLO", "free", "free"]);
    assert.equal(paid.ledger().processed, 0);
  });

  it("goes to the paid provider when the free one is spent, without a single refusal, and says why", async () => {
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push(await caller.process(`text ${i}`, { processor: "limited" }));
    assert.deepEqual(
      answers.map(({ body }) => body.provider),
      ["limited", "limited", "limited", "paid", "paid"],
    );
    assert.match(answers[3]!.body.reason ?? "", /^paid: limited quota 3\/3, opens .*\d\d:00:00$/);
    assert.ok(Date.parse(answers[3]!.body.freeOpensAt ?? "") > Date.now());
    assert.equal(answers[3]!.body.cost, 0.002);
    assert.deepEqual([limited.ledger().accepted, limited.ledger().refused], [3, 0]);
    const { status, body, headers } = await caller.process("more", { processor: "only-limited" });
    assert.deepEqual([status, body.code], [503, "no-provider"]);
    assert.ok(Number(headers.get("retry-after")) > 0);
    assert.match(body.detail ?? "", /limited quota 3\/3, opens/);
  });

  it("shows operators the quotas, and what was spent", async () => {
    const operator = await newCaller(parley.url, "operator@example.com");
    await until("the quota is seen as used up, and the price of two", async () => {
      const { providers = [], spendCap } = await operator.get<ListProvidersResponse>("/v2/admin/providers");
      const seen = providers.find(({ id }) => id === "limited");
      const isSpent = seen?.state === "spent" && seen.quotas[0]?.used === 3 && seen.requestsToday === 3;
      return isSpent && spendCap?.spentToday === 0.004 && providers.at(-1)?.spentToday === 0.004;
    });
    assert.equal((await caller.get<{ code: string }>("/v2/admin/providers")).code, "forbidden");
  });

  it("gives the first outcome for a key, over and over", async () => {
    const key = randomUUID();
    const first = await caller.process("hello", { key });
    assert.equal(first.status, 200);
    assert.deepEqual((await caller.process("hello", { key })).body, first.body);
    assert.equal((await caller.process("other", { key })).body.code, "idempotency-key-reused");
    assert.deepEqual((await caller.find(first.body.id ?? "")).body, first.body);
    assert.equal(free.ledger().processed, 1);
  });

  it("processes in the background what is asked for so, and answers when asked", async () => {
    const { status, headers, body } = await caller.process("hello", { inBackground: true });
    assert.equal(status, 202);
    assert.equal(headers.get("location"), `/v2/process/${body.id}`);
    await until("it is done", async () => (await caller.find(body.id ?? "")).body.status === "done");
    assert.equal((await caller.find(body.id ?? "")).body.result, "HELLO");
    const stranger = await newCaller(parley.url);
    assert.equal((await stranger.find(body.id ?? "")).body.code, "process-not-found");
  });
});

describe("with a provider in trouble", () => {
  for (const [fault, reason] of [
    ["500", "http-500"],
    ["html", "not-json"],
    ["broken-json", "not-json"],
    ["wrong-shape", "no-result"],
  ] as const) {
    it(`goes to the next after ${fault}`, async () => {
      free.behaviour({ script: [fault] });
      const { body } = await caller.process("hello");
      assert.deepEqual([body.provider, body.reason], ["paid", `paid: free failed (${reason})`]);
    });
  }

  it("says that no provider gave a usable answer when both are down", async () => {
    free.behaviour({ script: ["500"] });
    paid.behaviour({ script: ["html"] });
    const { status, body } = await caller.process("hello");
    assert.deepEqual([status, body.code], [502, "provider-failed"]);
    assert.match(body.detail ?? "", /free failed \(http-500\); paid failed \(not-json\)/);
  });

  for (const fault of ["hang", "reset", "half"] as const) {
    it(`does not process a second time what may have been processed: ${fault}`, async () => {
      free.behaviour({ script: [fault] });
      const key = randomUUID();
      const call = { key, processor: "impatient" };
      const { status, body } = await caller.process("hello", call);
      assert.deepEqual([status, body.code], [504, "outcome-unknown"]);
      assert.equal((await caller.process("hello", call)).body.code, "outcome-unknown");
      assert.equal(free.ledger().processed, 1);
      assert.equal(paid.ledger().processed, 0);
    });
  }

  it("stays with what it said when an answer comes after the timeout", async () => {
    free.behaviour({ script: ["late"], late: "1500ms" });
    const call = { key: randomUUID(), processor: "impatient" };
    assert.equal((await caller.process("hello", call)).body.code, "outcome-unknown");
    await until("the answer has come", () => free.ledger().underWay === 0);
    assert.equal((await caller.process("hello", call)).body.code, "outcome-unknown");
    assert.equal(paid.ledger().processed, 0);
  });

  it("takes the next, where a text may be processed twice", async () => {
    free.behaviour({ script: ["hang"] });
    const { body } = await caller.process("hello", { processor: "persistent" });
    assert.deepEqual([body.provider, body.reason], ["paid", "paid: impatient did not answer (timeout)"]);
  });

  it("asks a provider that knows requests by their id once more, and it is processed once", async () => {
    careful.behaviour({ script: ["reset"] });
    const { body } = await caller.process("hello", { processor: "careful" });
    assert.equal(body.result, "HELLO");
    const { processed, replayed, duplicates } = careful.ledger();
    assert.deepEqual([processed, replayed, duplicates], [1, 1, 0]);
    assert.equal(paid.ledger().processed, 0);
  });

  it("believes a refusal, and leaves the provider alone for as long as it said", async () => {
    free.behaviour({ quotas: ["fixed-window:1/1h"] });
    await caller.process("one", { processor: "only-free" });
    const first = await caller.process("two");
    assert.match(first.body.reason ?? "", /^paid: free refused until /);
    const second = await caller.process("three");
    assert.match(second.body.reason ?? "", /^paid: free refused until /);
    assert.equal(free.ledger().refused, 1);
  });
});
