import assert from "node:assert/strict";
import { test } from "node:test";
import type { CircuitOptions, Pass, Transition } from "#platform/circuit/circuit.ts";
import { createCircuit } from "#platform/circuit/circuit-breaker.ts";

const hourMs = 3_600_000;

function testCircuit(options: Partial<CircuitOptions> = {}) {
  const clock = { nowMs: 1_000_000 };
  const transitions: Transition[] = [];
  const circuit = createCircuit({
    name: "test",
    windowMs: 10_000,
    minCalls: 10,
    failurePercent: 50,
    slowMs: 5_000,
    slowPercent: 80,
    openMs: 1_000,
    openMaxMs: 30_000,
    probes: 3,
    probeTimeoutMs: 5_000,
    now: () => clock.nowMs,
    random: () => 1,
    onTransition: (transition) => transitions.push(transition),
    ...options,
  });
  const enter = (): Pass => {
    const entry = circuit.tryEnter();
    assert.ok(entry.isAdmitted, `refused while ${circuit.snapshot.state}`);
    return entry;
  };
  const times = (count: number, work: () => void) => {
    for (let i = 0; i < count; i++) work();
  };
  return {
    circuit,
    clock,
    transitions,
    enter,
    state: () => circuit.snapshot.state,
    succeed: (count = 1) => times(count, () => enter().succeed()),
    fail: (count = 1) => times(count, () => enter().fail("unavailable")),
    ignore: (count = 1) => times(count, () => enter().ignore()),
    refusal() {
      const entry = circuit.tryEnter();
      assert.ok(!entry.isAdmitted, "let through");
      return entry;
    },
    toHalfOpen() {
      times(10, () => enter().fail("unavailable"));
      clock.nowMs += 1_000;
      assert.equal(circuit.snapshot.state, "half-open");
    },
  };
}

test("opens at the failure rate, not before the minimum of calls", () => {
  const few = testCircuit();
  few.fail(9);
  assert.equal(few.state(), "closed");
  few.fail();
  assert.equal(few.state(), "open");

  const many = testCircuit();
  many.succeed(51);
  many.fail(50);
  assert.equal(many.state(), "closed");
  many.fail();
  assert.equal(many.state(), "open");
  assert.deepEqual(many.transitions[0]?.counts, { calls: 102, failures: 51, slow: 0 });
  assert.equal(many.transitions[0]?.reason, "failures");
  assert.equal(many.transitions[0]?.failure, "unavailable");
});

test("while open, callers are refused and told how long", () => {
  const { fail, refusal, clock, circuit } = testCircuit();
  fail(10);
  assert.deepEqual(refusal(), { isAdmitted: false, reason: "open", retryAfterMs: 1_000 });
  clock.nowMs += 999.5;
  assert.equal(refusal().retryAfterMs, 1);
  assert.equal(circuit.snapshot.totals.refused, 2);
});

test("calls that say nothing about the service leave it closed, however many", () => {
  const { ignore, fail, state, circuit } = testCircuit();
  ignore(1_000);
  fail(9);
  assert.equal(state(), "closed");
  assert.deepEqual(circuit.snapshot.counts, { calls: 9, failures: 9, slow: 0 });
  assert.equal(circuit.snapshot.totals.ignored, 1_000);
});

test("opens at the rate of slow calls, even when they succeed", () => {
  const { enter, clock, state, transitions } = testCircuit();
  const passes = Array.from({ length: 10 }, enter);
  for (const pass of passes.slice(0, 2)) pass.succeed();
  clock.nowMs += 5_000;
  for (const pass of passes.slice(2, 9)) pass.succeed();
  assert.equal(state(), "closed");
  passes[9]!.succeed();
  assert.equal(state(), "open");
  assert.equal(transitions[0]?.reason, "slow-calls");
});

test("no call is slow when that is turned off", () => {
  const { enter, clock, state } = testCircuit({ slowMs: 0 });
  const passes = Array.from({ length: 100 }, enter);
  clock.nowMs += hourMs;
  for (const pass of passes) pass.succeed();
  assert.equal(state(), "closed");
});

test("samples of an hour ago do not count", () => {
  const { fail, clock, state, circuit } = testCircuit();
  fail(9);
  clock.nowMs += hourMs;
  assert.deepEqual(circuit.snapshot.counts, { calls: 0, failures: 0, slow: 0 });
  fail(9);
  assert.equal(state(), "closed");
  fail();
  assert.equal(state(), "open");
});

test("the window slides: what has left it does not count, what is in it does", () => {
  const { succeed, fail, clock, state, circuit } = testCircuit();
  succeed(100);
  clock.nowMs += 9_000;
  fail(10);
  assert.equal(state(), "closed");
  clock.nowMs += 1_000;
  assert.deepEqual(circuit.snapshot.counts, { calls: 10, failures: 10, slow: 0 });
  fail();
  assert.equal(state(), "open");
});

test("half-open callers beyond the probes fail fast", () => {
  const { toHalfOpen, enter, refusal, circuit } = testCircuit();
  toHalfOpen();
  for (let i = 0; i < 3; i++) enter();
  const { reason, retryAfterMs } = refusal();
  assert.equal(reason, "probing");
  assert.ok(retryAfterMs > 0 && retryAfterMs <= 1_000);
  assert.equal(circuit.snapshot.probesUnderWay, 3);
});

test("who would have to wait is let wait while it is closed, and refused at once otherwise", () => {
  const { circuit, toHalfOpen, fail } = testCircuit();
  assert.equal(circuit.refuseWaiting(), undefined);
  toHalfOpen();
  assert.equal(circuit.refuseWaiting()?.reason, "probing");
  fail();
  assert.equal(circuit.refuseWaiting()?.reason, "open");
  assert.equal(circuit.snapshot.totals.refused, 2);
});

test("closes after so many successful probes, and no more than those are let through", () => {
  const { toHalfOpen, enter, refusal, state, circuit } = testCircuit();
  toHalfOpen();
  const [first, second, third] = [enter(), enter(), enter()];
  first!.succeed();
  second!.succeed();
  assert.equal(circuit.snapshot.probesSucceeded, 2);
  refusal();
  assert.equal(state(), "half-open");
  third!.succeed();
  assert.equal(state(), "closed");
  assert.deepEqual(circuit.snapshot.counts, { calls: 0, failures: 0, slow: 0 });
});

test("an ignored probe closes nothing and gives its permit back", () => {
  const { toHalfOpen, enter, ignore, succeed, state } = testCircuit();
  toHalfOpen();
  ignore(100);
  assert.equal(state(), "half-open");
  const probes = [enter(), enter(), enter()];
  for (const probe of probes) probe.ignore();
  succeed(2);
  assert.equal(state(), "half-open");
  succeed();
  assert.equal(state(), "closed");
});

test("a failed probe opens it again, and so does a slow one", () => {
  const failed = testCircuit();
  failed.toHalfOpen();
  failed.succeed(2);
  failed.fail();
  assert.equal(failed.state(), "open");

  const slow = testCircuit({ probeTimeoutMs: 60_000 });
  slow.toHalfOpen();
  const probe = slow.enter();
  slow.clock.nowMs += 5_000;
  probe.succeed();
  assert.equal(slow.state(), "open");
  assert.equal(slow.transitions.at(-1)?.reason, "probe-slow");
});

test("a hung probe ends by its deadline, without a timer", () => {
  const { toHalfOpen, enter, refusal, clock, state, transitions, succeed } = testCircuit();
  toHalfOpen();
  const hung = [enter(), enter(), enter()];
  clock.nowMs += 4_999;
  refusal();
  assert.equal(state(), "half-open");
  clock.nowMs += 1;
  assert.equal(refusal().reason, "open");
  assert.equal(transitions.at(-1)?.reason, "probe-hung");
  clock.nowMs += 2_000;
  succeed(2);
  // The late answers prove nothing about now.
  for (const probe of hung) probe.succeed();
  assert.equal(state(), "half-open");
  succeed();
  assert.equal(state(), "closed");
});

test("a probe that comes back after its deadline has failed, even if nobody looked meanwhile", () => {
  const { toHalfOpen, enter, clock, transitions } = testCircuit({ probes: 1, slowMs: 0 });
  toHalfOpen();
  const probe = enter();
  clock.nowMs += 5_000;
  probe.succeed();
  assert.equal(transitions.at(-1)?.reason, "probe-hung");
});

test("calls whose time is not up to the service are never slow", () => {
  const { circuit, clock, state } = testCircuit();
  for (let i = 0; i < 100; i++) {
    const pass = circuit.tryEnter(true);
    clock.nowMs += 6_000;
    assert.ok(pass.isAdmitted);
    pass.succeed();
  }
  assert.equal(state(), "closed");
  assert.equal(circuit.snapshot.counts.slow, 0);
});

test("a probe whose time is not up to the service gives its place away, and counts when it is done", () => {
  const { circuit, clock, toHalfOpen, refusal, state } = testCircuit({ probes: 2 });
  toHalfOpen();
  const patient = () => {
    const pass = circuit.tryEnter(true);
    assert.ok(pass.isAdmitted);
    return pass;
  };
  const [first, second] = [patient(), patient()];
  refusal();
  clock.nowMs += 5_000;
  const third = patient();
  assert.equal(state(), "half-open");
  first.succeed();
  assert.equal(state(), "half-open");
  third.succeed();
  assert.equal(state(), "closed");
  second.fail("unavailable");
  assert.equal(circuit.snapshot.counts.calls, 0);
});

test("a probe that has given its place away and fails opens it again", () => {
  const { circuit, clock, toHalfOpen, transitions } = testCircuit();
  toHalfOpen();
  const pass = circuit.tryEnter(true);
  clock.nowMs += 9_000;
  assert.equal(circuit.snapshot.state, "half-open");
  assert.ok(pass.isAdmitted);
  pass.fail("unavailable");
  assert.equal(transitions.at(-1)?.reason, "probe-failed");
});

test("a hung probe is found behind one that may take its time", () => {
  const { circuit, clock, toHalfOpen, enter, transitions } = testCircuit();
  toHalfOpen();
  assert.ok(circuit.tryEnter(true).isAdmitted);
  enter();
  clock.nowMs += 5_000;
  assert.equal(circuit.snapshot.state, "open");
  assert.equal(transitions.at(-1)?.reason, "probe-hung");
});

test("outcomes of calls that began in an earlier state are dropped", () => {
  const { enter, fail, state, clock, succeed, circuit } = testCircuit();
  const before = Array.from({ length: 50 }, enter);
  fail(10);
  for (const pass of before.slice(0, 10)) pass.succeed();
  assert.equal(state(), "open");
  clock.nowMs += 1_000;
  assert.equal(state(), "half-open");
  for (const pass of before.slice(10, 20)) pass.succeed();
  assert.equal(state(), "half-open");
  assert.equal(circuit.snapshot.probesSucceeded, 0);
  for (const pass of before.slice(20, 30)) pass.fail("timeout");
  assert.equal(state(), "half-open");
  succeed(3);
  for (const pass of before.slice(30)) pass.fail("timeout");
  assert.equal(state(), "closed");
  assert.equal(circuit.snapshot.counts.calls, 0);
});

test("of a pass only the first outcome counts", () => {
  const { enter, circuit } = testCircuit();
  const pass = enter();
  pass.succeed();
  pass.fail("internal");
  pass.ignore();
  assert.deepEqual(circuit.snapshot.totals, { success: 1, failure: 0, ignored: 0, refused: 0 });
  assert.deepEqual(circuit.snapshot.counts, { calls: 1, failures: 0, slow: 0 });
});

test("the open time doubles while in vain, up to a bound, and starts anew after a rest", () => {
  const { fail, succeed, refusal, clock, state } = testCircuit({ openMaxMs: 6_000 });
  fail(10);
  const opens: number[] = [];
  for (let i = 0; i < 6; i++) {
    const { retryAfterMs } = refusal();
    opens.push(retryAfterMs);
    clock.nowMs += retryAfterMs;
    fail();
  }
  assert.deepEqual(opens, [1_000, 2_000, 4_000, 6_000, 6_000, 6_000]);
  const close = () => {
    clock.nowMs += refusal().retryAfterMs;
    succeed(3);
    assert.equal(state(), "closed");
  };
  close();
  clock.nowMs += 9_999;
  fail(10);
  assert.equal(refusal().retryAfterMs, 6_000);
  close();
  clock.nowMs += 10_000;
  fail(10);
  assert.equal(refusal().retryAfterMs, 1_000);
});

test("the open time is spread out between half of its bound and the whole", () => {
  const openTimes = [0, 0.25, 1].map((random) => {
    const { fail, refusal } = testCircuit({ random: () => random });
    fail(10);
    return refusal().retryAfterMs;
  });
  assert.deepEqual(openTimes, [500, 625, 1_000]);
});

test("never opens without a minimum of calls that can be reached", () => {
  const { fail, state } = testCircuit({ minCalls: Number.POSITIVE_INFINITY });
  fail(10_000);
  assert.equal(state(), "closed");
});
