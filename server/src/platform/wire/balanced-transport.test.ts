import assert from "node:assert/strict";
import { test } from "node:test";
import type { Transport } from "@connectrpc/connect";
import { MessengerService } from "@parley/api/v2/messenger";
import { fault, toPublicError } from "#platform/errors.ts";
import { createBalancedTransport } from "#platform/wire/balanced-transport.ts";
import type { Endpoint } from "#platform/wire/endpoint.ts";
import { connectionLost, notSent } from "#platform/wire/wire-error.ts";

const { getChat, createChat } = MessengerService.method;
type Answer = (signal: AbortSignal | undefined) => Promise<unknown>;

function endpoint(url: string, answer: Answer) {
  const one = { url, calls: 0, isSuspect: false, close: () => {} };
  const transport = {
    unary: (_method: unknown, signal: AbortSignal | undefined) => {
      one.calls += 1;
      return answer(signal);
    },
  } as unknown as Transport;
  return Object.assign(one, { transport }) satisfies Endpoint;
}

function balanced(endpoints: Endpoint[], budget?: { noteCall(): void; tryTake(): boolean }) {
  const isRefusal = (error: unknown) => toPublicError(error).code === "overloaded";
  const transport = createBalancedTransport({
    endpoints: () => endpoints,
    isRefusal,
    ...(budget ? { budget } : {}),
  });
  return (method: typeof getChat | typeof createChat, signal?: AbortSignal, timeoutMs = 1_000) =>
    transport.unary(method as typeof getChat, signal, timeoutMs, undefined, {});
}

const fine: Answer = async () => "fine";
const failing = (error: unknown) => (): Promise<never> => Promise.reject(error);
const code = (expected: string) => (error: unknown) => toPublicError(error).code === expected;

test("calls are spread evenly over processes that are equally fast", async () => {
  const all = [endpoint("a", fine), endpoint("b", fine), endpoint("c", fine)];
  const call = balanced(all);
  for (let i = 0; i < 30; i++) await call(getChat);
  assert.deepEqual(
    all.map((one) => one.calls),
    [10, 10, 10],
  );
});

test("one that does not answer gets no more while others do", async () => {
  const hung = endpoint("hung", () => new Promise(() => {}));
  const well = endpoint("well", fine);
  const call = balanced([hung, well]);
  for (let i = 0; i < 10; i++) void call(getChat);
  await new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < 20; i++) await call(getChat);
  assert.ok(hung.calls <= 5, String(hung.calls));
});

test("one that is suspect is asked only if there is no other", async () => {
  const suspect = Object.assign(endpoint("suspect", fine), { isSuspect: true });
  const well = endpoint("well", fine);
  const call = balanced([suspect, well]);
  for (let i = 0; i < 10; i++) await call(getChat);
  assert.equal(suspect.calls, 0);
  await balanced([suspect])(getChat);
  assert.equal(suspect.calls, 1);
});

test("a call that was not sent, or was refused unasked, goes elsewhere, whatever it does", async () => {
  for (const error of [notSent("refused"), fault("overloaded")]) {
    const away = endpoint("away", failing(error));
    const well = endpoint("well", fine);
    const call = balanced([away, well]);
    for (let i = 0; i < 4; i++) await call(createChat);
    assert.equal(well.calls, 4);
    assert.ok(away.calls > 0);
  }
});

test("a call whose connection broke is repeated only if that does no harm", async () => {
  const broken = endpoint("broken", failing(connectionLost("reset")));
  const well = endpoint("well", fine);
  const call = balanced([broken, well]);
  for (let i = 0; i < 4; i++) await call(getChat);
  await assert.rejects(Promise.all([1, 2].map(() => call(createChat))), code("unavailable"));
});

test("what a service itself answered is not asked again elsewhere", async () => {
  const answers = [
    endpoint("a", failing(fault("unavailable"))),
    endpoint("b", failing(fault("unavailable"))),
  ];
  await assert.rejects(balanced(answers)(getChat), code("unavailable"));
  assert.equal(answers[0]!.calls + answers[1]!.calls, 1);
});

test("without budget there is no retry, and nobody at all means unavailable", async () => {
  const budget = { noteCall() {}, tryTake: () => false };
  const broken = [1, 2].map((n) => endpoint(String(n), failing(connectionLost("reset"))));
  await assert.rejects(balanced(broken, budget)(getChat), code("unavailable"));
  assert.equal(broken[0]!.calls + broken[1]!.calls, 1);
  await assert.rejects(balanced([])(getChat), code("unavailable"));
});

test("an aborted call is not retried", async () => {
  const controller = new AbortController();
  const answer: Answer = async () => {
    controller.abort(fault("cancelled"));
    throw notSent("gone");
  };
  const all = [endpoint("a", answer), endpoint("b", answer)];
  await assert.rejects(balanced(all)(getChat, controller.signal));
  assert.equal(all[0]!.calls + all[1]!.calls, 1);
});
