import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError, createClient, type HandlerContext } from "@connectrpc/connect";
import { ProcessService } from "@parley/api/v2/process";
import { SearchService } from "@parley/api/v2/search";
import { UserService } from "@parley/api/v2/user";
import { createCircuit } from "#platform/circuit/circuit-breaker.ts";
import { createDirectTransport } from "#platform/direct-transport.ts";
import { type ErrorCode, errorKinds, fault, toPublicError } from "#platform/errors.ts";
import { createGate } from "#platform/gate.ts";
import { guardTransport } from "#platform/guarded-transport.ts";

type Answer = (context: HandlerContext) => Promise<object> | object;

const minCalls = 5;
const ownTimeoutMs = 2_000;
const slowMs = 200;

/** A service that does what it is told to, behind a guard. */
function guarded(limits: { maxCalls?: number; maxWaiting?: number; maxWaitMs?: number } = {}) {
  const service: { answer: Answer; calls: number } = { answer: () => ({}), calls: 0 };
  const answer = (_request: unknown, context: HandlerContext) => {
    service.calls += 1;
    return service.answer(context);
  };
  const transport = createDirectTransport((router) => {
    router.service(UserService, { getMe: answer });
    router.service(ProcessService, { process: answer });
    router.service(SearchService, { search: answer });
  });
  // The circuit's own clock, which a test can move.
  const clock = { nowMs: 0 };
  const circuit = createCircuit({
    name: "test",
    windowMs: 60_000,
    minCalls,
    failurePercent: 50,
    slowMs,
    slowPercent: 100,
    openMs: 60_000,
    openMaxMs: 60_000,
    probes: 1,
    probeTimeoutMs: 60_000,
    now: () => clock.nowMs + performance.now(),
    random: () => 1,
  });
  const { maxCalls = 100, maxWaiting = 0, maxWaitMs = 1_000 } = limits;
  const bulkhead = createGate({ maxRunning: maxCalls, maxWaiting, maxWaitMs });
  const guard = guardTransport(transport, { circuit, bulkhead, timeoutMs: ownTimeoutMs });
  const { getMe } = createClient(UserService, guard);
  const { process } = createClient(ProcessService, guard);
  const { search } = createClient(SearchService, guard);
  return {
    service,
    clock,
    circuit,
    bulkhead,
    call: (options = {}) => codeOf(getMe({}, options)),
    /** Of a method that takes as long as somebody outside does. */
    callDeferrable: (options = {}) => codeOf(process({}, options)),
    /** Of a method that takes as long as it is given. */
    callBudgeted: (options = {}) => codeOf(search({}, options)),
  };
}

const codeOf = (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => "done",
    (error) => toPublicError(error).code,
  );

const hang: Answer = () => new Promise(() => {});

async function times(count: number, call: () => Promise<string>): Promise<string[]> {
  const codes: string[] = [];
  for (let i = 0; i < count; i++) codes.push(await call());
  return codes;
}

test("a failing service is called no more; callers are told at once, and how long to wait", async () => {
  const { service, circuit, call } = guarded();
  service.answer = () => {
    throw new Error("a bug");
  };
  assert.deepEqual(await times(minCalls, call), Array(minCalls).fill("internal"));
  assert.equal(await call(), "circuit-open");
  assert.equal(service.calls, minCalls);
  assert.equal(circuit.snapshot.state, "open");
  assert.equal(circuit.snapshot.transition?.failure, "internal");
});

test("a refusal says how long to wait", async () => {
  const { service, circuit, call, bulkhead } = guarded();
  service.answer = () => Promise.reject(fault("unavailable"));
  await times(minCalls, call);
  const guard = guardTransport({} as never, { circuit, bulkhead, timeoutMs: 1 });
  const error = await createClient(UserService, guard)
    .getMe({})
    .catch((error) => error);
  const { code, status, retryAfterMs = 0 } = toPublicError(error);
  assert.deepEqual([code, status], ["circuit-open", 503]);
  assert.ok(retryAfterMs > 50_000 && retryAfterMs <= 60_000);
});

test("what is wrong with the request says nothing about the service: a thousand of every 4xx leave it closed", async () => {
  const { service, circuit, call } = guarded();
  const codes = Object.entries(errorKinds).filter(
    ([code, { status }]) => status < 500 && code !== "cancelled",
  );
  for (const [code] of codes) {
    service.answer = () => Promise.reject(fault(code as ErrorCode));
    assert.equal((await times(1_000, call)).at(-1), code);
  }
  assert.equal(circuit.snapshot.state, "closed");
  assert.equal(circuit.snapshot.counts.calls, 0);
  assert.equal(circuit.snapshot.totals.ignored, codes.length * 1_000);
});

test("a service that is overloaded, and a circuit further down, leave it closed", async () => {
  const { service, circuit, call } = guarded();
  for (const code of ["overloaded", "circuit-open"] as const) {
    service.answer = () => Promise.reject(fault(code));
    await times(100, call);
  }
  assert.equal(circuit.snapshot.counts.calls, 0);
});

test("every kind of breakdown opens it", async () => {
  const grpcCodes = [Code.Unavailable, Code.Internal, Code.Unknown, Code.DataLoss, Code.Canceled];
  for (const grpcCode of grpcCodes) {
    const { service, circuit, call } = guarded();
    service.answer = () => Promise.reject(new ConnectError("broken", grpcCode));
    await times(minCalls, call);
    assert.equal(circuit.snapshot.state, "open", Code[grpcCode]);
  }
});

test("calls that the caller gave up are ignored", async () => {
  const { service, circuit, call } = guarded();
  service.answer = hang;
  for (let i = 0; i < 20; i++) {
    const controller = new AbortController();
    const answer = call({ signal: controller.signal });
    controller.abort();
    assert.equal(await answer, "cancelled");
  }
  assert.equal(circuit.snapshot.state, "closed");
  assert.equal(circuit.snapshot.totals.ignored, 20);
});

test("a client in a hurry opens nothing; deadlines that are long enough do", async () => {
  const { service, circuit, call } = guarded();
  service.answer = hang;
  assert.deepEqual(await times(20, () => call({ timeoutMs: 1 })), Array(20).fill("timeout"));
  assert.equal(circuit.snapshot.totals.ignored, 20);
  const late = await Promise.all(Array.from({ length: minCalls }, () => call({ timeoutMs: slowMs })));
  assert.deepEqual(late, Array(minCalls).fill("timeout"));
  assert.equal(circuit.snapshot.state, "open");
});

for (const kind of ["deferrable", "budgeted"] as const) {
  test(`a ${kind} call opens nothing by taking long or by its deadline, whoever set that`, async () => {
    const { service, circuit, clock, ...guard } = guarded();
    const callPatient = kind === "deferrable" ? guard.callDeferrable : guard.callBudgeted;
    service.answer = () => {
      clock.nowMs += 2 * slowMs;
      return {};
    };
    assert.deepEqual(await times(2 * minCalls, callPatient), Array(2 * minCalls).fill("done"));
    assert.equal(circuit.snapshot.counts.slow, 0);
    service.answer = hang;
    const late = await Promise.all(
      Array.from({ length: 4 * minCalls }, () => callPatient({ timeoutMs: slowMs })),
    );
    assert.deepEqual(late, Array(4 * minCalls).fill("timeout"));
    assert.equal(circuit.snapshot.state, "closed");
    assert.equal(circuit.snapshot.totals.ignored, 4 * minCalls);
  });
}

test("a deferrable call opens the circuit of a service that cannot be reached", async () => {
  const { service, circuit, callDeferrable } = guarded();
  service.answer = () => Promise.reject(fault("unavailable"));
  await times(minCalls, callDeferrable);
  assert.equal(circuit.snapshot.state, "open");
});

test("a call without a deadline gets the gateway's", async () => {
  const { service, call } = guarded();
  let timeoutMs: number | undefined;
  service.answer = (context) => {
    timeoutMs = context.timeoutMs();
    return {};
  };
  await call();
  assert.ok(timeoutMs !== undefined && timeoutMs <= ownTimeoutMs);
});

test("a timeout ends its own call only", async () => {
  const { service, call } = guarded();
  const { promise, resolve } = Promise.withResolvers<object>();
  service.answer = () => promise;
  const other = call({ timeoutMs: 60_000, signal: new AbortController().signal });
  assert.equal(await call({ timeoutMs: 1 }), "timeout");
  resolve({});
  assert.equal(await other, "done");
});

test("what the bulkhead refuses never reaches the circuit", async () => {
  const { service, circuit, call } = guarded({ maxCalls: 1 });
  const { promise, resolve } = Promise.withResolvers<object>();
  service.answer = () => promise;
  const first = call();
  assert.deepEqual(await times(1_000, call), Array(1_000).fill("overloaded"));
  assert.equal(circuit.snapshot.state, "closed");
  resolve({});
  assert.equal(await first, "done");
  assert.deepEqual(circuit.snapshot.totals, { success: 1, failure: 0, ignored: 0, refused: 0 });
});

test("a full bulkhead keeps nobody waiting for a service whose circuit is open", async () => {
  const { service, call, bulkhead, circuit, clock } = guarded({ maxCalls: minCalls + 1, maxWaiting: 100 });
  const controller = new AbortController();
  service.answer = hang;
  const hung = call({ signal: controller.signal });
  service.answer = () => Promise.reject(fault("unavailable"));
  await times(minCalls, call);
  while (bulkhead.tryEnter());
  assert.equal(await call(), "circuit-open");
  clock.nowMs += 60_000;
  assert.equal(circuit.snapshot.state, "half-open");
  assert.equal(await call(), "circuit-open");
  assert.equal(bulkhead.waiting, 0);
  controller.abort();
  assert.equal(await hung, "cancelled");
});

test("the time that a call waited for its turn is taken off its deadline", async () => {
  const { service, call, bulkhead, circuit } = guarded({ maxCalls: 1, maxWaiting: 10 });
  assert.ok(bulkhead.tryEnter());
  const hasty = call({ timeoutMs: 1 });
  await new Promise((resolve) => setTimeout(resolve, 5));
  bulkhead.leave();
  assert.equal(await hasty, "timeout");
  assert.equal(service.calls, 0);
  assert.equal(circuit.snapshot.totals.ignored, 0);
  assert.equal(bulkhead.running, 0);

  let leftMs = 0;
  service.answer = (context) => {
    leftMs = context.timeoutMs() ?? 0;
    return {};
  };
  assert.ok(bulkhead.tryEnter());
  const patient = call({ timeoutMs: 60_000 });
  await new Promise((resolve) => setTimeout(resolve, 30));
  bulkhead.leave();
  assert.equal(await patient, "done");
  assert.ok(leftMs > 0 && leftMs < 59_980, String(leftMs));
});

test("answers out of a cache do not dilute the rate: the circuit is behind it", async () => {
  const { service, circuit, call } = guarded();
  const cache = new Map<string, string>();
  const cached = async (key: string) => cache.get(key) ?? (await call());
  cache.set("known", "done");
  service.answer = () => Promise.reject(fault("unavailable"));
  for (let i = 0; i < 50; i++) {
    for (let hit = 0; hit < 20; hit++) assert.equal(await cached("known"), "done");
    await cached(`miss ${i}`);
  }
  assert.equal(service.calls, minCalls);
  assert.equal(circuit.snapshot.state, "open");
});

test("an answer can tell of a failure", async () => {
  const { circuit, bulkhead } = guarded();
  const transport = createDirectTransport((router) =>
    router.service(UserService, { getMe: () => ({ user: { id: "failed" } }) }),
  );
  const answerFailure = (_method: unknown, answer: unknown) =>
    (answer as { user: { id: string } }).user.id === "failed" ? "unavailable" : undefined;
  const guard = guardTransport(transport, { circuit, bulkhead, timeoutMs: 1_000, answerFailure });
  const { getMe } = createClient(UserService, guard);
  for (let i = 0; i < minCalls; i++) assert.equal((await getMe({})).user?.id, "failed");
  assert.equal(await codeOf(getMe({})), "circuit-open");
});
