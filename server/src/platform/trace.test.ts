import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AlwaysOnSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import fc from "fast-check";
import { createSampler, type SamplerOptions } from "#platform/telemetry/sampler.ts";
import { createTracing } from "#platform/telemetry/tracing.ts";
import { formatTraceparent, isSampled, parseTraceparent, Trace } from "#platform/trace.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";
const sampled = `00-${traceId}-${spanId}-01`;
const unsampled = `00-${traceId}-${spanId}-00`;

test("reads what the specification allows", () => {
  assert.deepEqual(parseTraceparent(sampled), { traceId, spanId, traceFlags: 1, isRemote: true });
  assert.equal(parseTraceparent(unsampled)?.traceFlags, 0);
  assert.equal(parseTraceparent(`00-${traceId}-${spanId}-ff`)?.traceFlags, 1, "unknown flags are left out");
  assert.ok(parseTraceparent(`cc-${traceId}-${spanId}-01-what-the-future-will-be-like`), "a later version");
});

test("takes nothing else", () => {
  const malformed = [
    "",
    undefined,
    7,
    [sampled],
    `ff-${traceId}-${spanId}-01`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `${sampled}-more`,
    `${sampled} `,
    `${sampled}\n`,
    sampled.toUpperCase(),
    `00-${traceId}-${spanId}-1`,
    `cc-${traceId}-${spanId}-01.more`,
    `cc-${traceId}-${spanId}-01-${"x".repeat(1_000)}`,
  ];
  for (const one of malformed) assert.equal(parseTraceparent(one), undefined, String(one));
});

test("never throws, and what it took can be handed on", () => {
  const parts = fc.tuple(
    fc.constantFrom("00", "01", "ff", "0"),
    fc.stringMatching(/^[0-9a-f]{30,33}$/),
    fc.stringMatching(/^[0-9a-f]{15,17}$/),
    fc.stringMatching(/^[0-9a-f]{1,3}$/),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        parts.map((p) => p.join("-")),
      ),
      (text) => {
        const context = parseTraceparent(text);
        if (context) assert.deepEqual(parseTraceparent(formatTraceparent(context)), context);
      },
    ),
  );
});

test("a trace that is not recorded hands on its ids, and that it is not recorded", () => {
  const trace = new Trace(undefined, parseTraceparent(sampled));
  assert.equal(trace.traceparent, unsampled);
  const own = new Trace(undefined);
  assert.match(own.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  assert.equal(own.traceId, own.traceId, "made once");
});

const sampler = (options: Partial<SamplerOptions>) =>
  createSampler({ name: "parentbased_traceidratio", ratio: 0, maxAskedPerSecond: 1_000, ...options });
const parent = (text: string) => parseTraceparent(text);

test("each sampler decides as OpenTelemetry says", () => {
  const decisions = (options: Partial<SamplerOptions>) => {
    const { decide } = sampler({ random: () => 0.3, ...options });
    return [decide(undefined), decide(parent(sampled)), decide(parent(unsampled))];
  };
  assert.deepEqual(decisions({ name: "always_on" }), [true, true, true]);
  assert.deepEqual(decisions({ name: "always_off", ratio: 1 }), [false, false, false]);
  assert.deepEqual(decisions({ name: "parentbased_always_on" }), [true, true, false]);
  assert.deepEqual(decisions({ name: "parentbased_always_off" }), [false, true, false]);
  assert.deepEqual(decisions({ ratio: 0.4 }), [true, true, false]);
  assert.deepEqual(decisions({ ratio: 0.3 }), [false, true, false]);
  assert.deepEqual(decisions({ name: "traceidratio", ratio: 1 }), [true, true, true]);
});

test("the ratio of trace ids is kept without a look at the flags", () => {
  const { decide } = sampler({ name: "traceidratio", ratio: 0.25 });
  const idOf = (i: number) =>
    `00-${"a".repeat(16)}${i.toString(16).padStart(4, "0")}${"8".repeat(12)}-${spanId}-00`;
  const sampledIds = Array.from({ length: 4_096 }, (_, i) => decide(parent(idOf(i)))).filter(Boolean);
  assert.equal(sampledIds.length, 4_096 / 4);
});

test("callers cannot have more traces recorded a second than allowed", () => {
  let nowMs = 0;
  const { decide } = sampler({ maxAskedPerSecond: 3, nowMs: () => nowMs });
  const asked = () => Array.from({ length: 10 }, () => decide(parent(sampled))).filter(Boolean).length;
  assert.equal(asked(), 3);
  assert.equal(asked(), 0);
  nowMs = 1_000;
  assert.equal(asked(), 3);
});

test("spans are started only where the trace is recorded", () => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    sampler: new AlwaysOnSampler(),
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  const tracing = createTracing(provider.getTracer("test"), sampler({}));
  assert.equal(tracing.acceptCheaply(undefined, "a", {}), undefined, "nothing is made");
  assert.equal(tracing.accept(unsampled, "a", {}).span, undefined);
  assert.equal(tracing.continue(unsampled, "a", {}), undefined);
  assert.equal(tracing.continue("nonsense-01", "a", {}), undefined, "a trace never begins in the middle");
  const trace = tracing.accept(sampled, "a", {});
  const child = tracing.child(trace, "b", {})!;
  assert.equal(child.spanContext().traceId, traceId);
  assert.ok(isSampled(parseTraceparent(trace.traceparent)!));
  child.end();
  const [finished] = exporter.getFinishedSpans();
  assert.equal(finished?.parentSpanContext?.spanId, trace.spanId);
});
