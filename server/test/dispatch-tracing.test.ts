/** The trace of a call shows each provider that was asked, and what came of it. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startProviderSim } from "#provider-sim/start-provider-sim.ts";
import { startCollector } from "#test/collector.ts";
import { startParley } from "#test/parley.ts";
import { newCaller, urlOf, withProviders } from "#test/process-caller.ts";
import { newTraceparent, traceIdOf } from "#test/trace-reading.ts";

const free = await startProviderSim();
const paid = await startProviderSim({ price: 0.002 });
for (const sim of [free, paid]) after(() => sim.stop());
const collector = await startCollector();
const parley = await startParley({
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  ...(await withProviders({
    providers: [
      { id: "free", url: urlOf(free), price: 0 },
      { id: "paid", url: urlOf(paid), price: 0.002 },
    ],
  })),
});
const caller = await newCaller(parley.url);

for (const key of [undefined, "with a key"]) {
  test(`each attempt is a span of the call's trace: ${key ?? "without a key"}`, async () => {
    free.behaviour({ script: ["500"] });
    const traceparent = newTraceparent();
    await caller.process("a secret text", { traceparent, ...(key ? { key } : {}) });
    const own = () => collector.spans.filter(({ traceId }) => traceId === traceIdOf(traceparent));
    const attempts = () => own().filter(({ name }) => name === "ask provider");
    await collector.until(() => attempts().length === 2, "both attempts");
    const [first, second] = attempts();
    assert.deepEqual(
      [first, second].map((span) => [
        span?.attributes["parley.provider"],
        span?.attributes["parley.outcome"],
        Number(span?.attributes["parley.cost_micros"]),
      ]),
      [
        ["free", "failed", 0],
        ["paid", "done", 2_000],
      ],
    );
    assert.ok(!collector.everything.includes("secret text"));
  });
}
