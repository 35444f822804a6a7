/** The circuit against a model that keeps every call and counts anew each time: slow, and easy to believe. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CircuitLimits, Pass } from "#platform/circuit/circuit.ts";
import { createCircuit } from "#platform/circuit/circuit-breaker.ts";
import { windowBuckets } from "#platform/circuit/sliding-window.ts";

interface ModelCall {
  startedMs: number;
  generation: number;
  isProbe: boolean;
  isSettled: boolean;
}

interface Ended {
  atMs: number;
  isFailure: boolean;
  isSlow: boolean;
}

type Outcome = "succeed" | "fail" | "ignore";

class Model {
  readonly #limits: CircuitLimits;
  state = "closed";
  generation = 0;
  calls: ModelCall[] = [];
  ended: Ended[] = [];
  sinceMs: number;
  openUntilMs = 0;
  openForMs = 0;
  streak = 0;
  proven = 0;

  constructor(limits: CircuitLimits, nowMs: number) {
    this.#limits = limits;
    this.sinceMs = nowMs;
  }

  counts(nowMs: number) {
    const bucketMs = this.#limits.windowMs / windowBuckets;
    const bucketOf = (atMs: number) => Math.floor(atMs / bucketMs);
    const inWindow = this.ended.filter(({ atMs }) => bucketOf(atMs) > bucketOf(nowMs) - windowBuckets);
    return {
      calls: inWindow.length,
      failures: inWindow.filter(({ isFailure }) => isFailure).length,
      slow: inWindow.filter(({ isSlow }) => isSlow).length,
    };
  }

  pass(nowMs: number) {
    if (this.state === "open" && nowMs >= this.openUntilMs) this.#move("half-open", nowMs);
    const isHung = ({ startedMs }: ModelCall) => nowMs - startedMs >= this.#limits.probeTimeoutMs;
    if (this.probes().some(isHung)) this.#open(nowMs);
  }

  probes() {
    return this.calls.filter(
      (call) => call.isProbe && !call.isSettled && call.generation === this.generation,
    );
  }

  enter(nowMs: number): boolean {
    this.pass(nowMs);
    const isFull = this.probes().length + this.proven >= this.#limits.probes;
    if (this.state === "open" || (this.state === "half-open" && isFull)) return false;
    const isProbe = this.state === "half-open";
    this.calls.push({ startedMs: nowMs, generation: this.generation, isProbe, isSettled: false });
    return true;
  }

  settle(call: ModelCall, outcome: Outcome, nowMs: number) {
    if (call.isSettled) return;
    this.pass(nowMs);
    call.isSettled = true;
    if (call.generation !== this.generation || outcome === "ignore") return;
    const isFailure = outcome === "fail";
    const isSlow = nowMs - call.startedMs >= this.#limits.slowMs;
    if (call.isProbe) {
      if (isFailure || isSlow) return this.#open(nowMs);
      this.proven += 1;
      if (this.proven === this.#limits.probes) this.#move("closed", nowMs);
      return;
    }
    this.ended.push({ atMs: nowMs, isFailure, isSlow });
    const { calls, failures, slow } = this.counts(nowMs);
    const { minCalls, failurePercent, slowPercent } = this.#limits;
    const isBad = failures / calls >= failurePercent / 100 || slow / calls >= slowPercent / 100;
    if (calls >= minCalls && isBad) this.#open(nowMs);
  }

  #open(nowMs: number) {
    const { windowMs, openMs, openMaxMs } = this.#limits;
    const rest = Math.max(windowMs, this.openForMs);
    if (this.state === "closed" && nowMs - this.sinceMs >= rest) this.streak = 0;
    this.openForMs = Math.min(openMaxMs, openMs * 2 ** this.streak);
    this.streak += 1;
    this.openUntilMs = nowMs + this.openForMs;
    this.#move("open", nowMs);
  }

  #move(state: string, nowMs: number) {
    this.state = state;
    this.sinceMs = nowMs;
    this.generation += 1;
    this.proven = 0;
    if (state === "closed") this.ended = [];
  }
}

const limitsArbitrary = fc.record({
  windowMs: fc.constantFrom(100, 1_000),
  minCalls: fc.integer({ min: 1, max: 6 }),
  failurePercent: fc.constantFrom(25, 50, 100),
  slowMs: fc.constantFrom(40, 200),
  slowPercent: fc.constantFrom(50, 100),
  openMs: fc.constantFrom(50, 300),
  openMaxMs: fc.constantFrom(300, 2_000),
  probes: fc.integer({ min: 1, max: 3 }),
  probeTimeoutMs: fc.constantFrom(40, 500),
});

const stepArbitrary = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("enter" as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("settle" as const),
      // Mostly one that has just begun: otherwise nearly all are stale.
      back: fc.oneof(fc.nat(2), fc.nat(30)),
      outcome: fc.constantFrom<Outcome>("succeed", "succeed", "fail", "ignore"),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.oneof(fc.nat(30), fc.nat(700)) }),
  },
);

test("behaves as the model does, whatever happens in whatever order", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      limitsArbitrary,
      fc.array(stepArbitrary, { maxLength: 200, size: "max" }),
      (limits, steps) => {
        let nowMs = 5_000;
        const onTransition = ({ reason }: { reason: string }) => seen.add(reason);
        const circuit = createCircuit({
          ...limits,
          name: "test",
          now: () => nowMs,
          random: () => 1,
          onTransition,
        });
        const model = new Model(limits, nowMs);
        const passes: Pass[] = [];
        for (const step of steps) {
          if (step.kind === "wait") nowMs += step.ms;
          else if (step.kind === "enter") {
            const entry = circuit.tryEnter();
            assert.equal(entry.isAdmitted, model.enter(nowMs));
            if (entry.isAdmitted) passes.push(entry);
          } else {
            const at = passes.length - 1 - step.back;
            if (at < 0) continue;
            if (step.outcome === "fail") passes[at]!.fail("internal");
            else passes[at]![step.outcome]();
            model.settle(model.calls[at]!, step.outcome, nowMs);
          }
          const { state, counts, probesUnderWay, probesSucceeded } = circuit.snapshot;
          model.pass(nowMs);
          assert.equal(state, model.state);
          if (state === "closed") assert.deepEqual(counts, model.counts(nowMs));
          assert.deepEqual([probesUnderWay, probesSucceeded], [model.probes().length, model.proven]);
        }
      },
    ),
    { numRuns: 500 },
  );
  const reasons = ["failures", "open-time-over", "probe-failed", "probe-hung", "probe-slow"];
  assert.deepEqual([...seen].sort(), [...reasons, "probes-succeeded", "slow-calls"]);
});
