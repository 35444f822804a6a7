import assert from "node:assert/strict";
import { test } from "node:test";
import type { BatchObservableCallback, Meter } from "@opentelemetry/api";
import { AuthService } from "@parley/api/v2/auth";
import { MessengerService } from "@parley/api/v2/messenger";
import { RealtimeService } from "@parley/api/v2/realtime";
import { UserService } from "@parley/api/v2/user";
import { publicServices } from "#gateway/public-services.ts";
import { throttleSettings } from "#gateway/throttle/config.ts";
import { rateClassOf } from "#gateway/throttle/rate-class.ts";
import { createThrottle } from "#gateway/throttle/throttle.ts";
import { toPublicError } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { readSettings } from "#platform/settings.ts";
import { noTelemetry } from "#platform/telemetry.ts";

const { sendMessage, listMessages, markRead } = MessengerService.method;

function startThrottle(environment: Record<string, string>) {
  const time = { nowMs: 1_000 };
  const lines: Record<string, unknown>[] = [];
  const { meter, read } = fakeMeter();
  const throttle = createThrottle({
    config: readSettings(throttleSettings, environment, []),
    redis: undefined,
    log: createLog("info", { write: (line) => void lines.push(JSON.parse(line)) }),
    telemetry: { ...noTelemetry, meter },
    nowMs: () => time.nowMs,
  });
  return { throttle, time, lines, read };
}

/** Only what observable instruments need. */
function fakeMeter() {
  const callbacks = new Set<BatchObservableCallback>();
  const meter = {
    createObservableCounter: (name: string) => name,
    createObservableGauge: (name: string) => name,
    addBatchObservableCallback: (callback: BatchObservableCallback) => callbacks.add(callback),
    removeBatchObservableCallback: (callback: BatchObservableCallback) => callbacks.delete(callback),
  } as unknown as Meter;
  const read = () => {
    const values: Record<string, number> = {};
    const observe = (name: unknown, value: number, attributes: object = {}) => {
      values[[name, ...Object.values(attributes)].join(" ")] = value;
    };
    for (const callback of callbacks) callback({ observe } as never);
    return values;
  };
  return { meter, read };
}

const user = (userId: string) => ({
  caller: { userId, sessionId: "", roles: [], tokenExpiresAt: 0 },
  clientAddress: "192.0.2.1",
});

test("methods have the class that the contract gives them, or that of their kind", () => {
  assert.deepEqual(
    [sendMessage, listMessages, markRead, UserService.method.listUsers, RealtimeService.method.resume].map(
      rateClassOf,
    ),
    ["send", "read", "write", "lookup", "read"],
  );
  const { signIn, signUp, refresh, getJwks, createWsTicket, signOut } = AuthService.method;
  assert.deepEqual([signIn, signUp, refresh, getJwks, createWsTicket, signOut].map(rateClassOf), [
    "sign-in",
    "sign-up",
    "address",
    "address",
    "socket",
    "write",
  ]);
});

test("a method that passes at once costs no promise; one that does not is refused at once, with the time to wait", () => {
  const { throttle } = startThrottle({ PARLEY_LIMIT_SEND: "1/min" });
  assert.equal(throttle.admit(sendMessage, user("a")), undefined);
  assert.throws(
    () => throttle.admit(sendMessage, user("a")),
    (error) => {
      const { code, retryAfterMs } = toPublicError(error);
      return code === "too-many-requests" && retryAfterMs === 60_000;
    },
  );
  assert.equal(throttle.admit(sendMessage, user("b")), undefined);
  assert.equal(throttle.admit(listMessages, user("a")), undefined, "another class is another limit");
});

test("every method of the contract counts against a limit", () => {
  const limits = Object.keys(throttleSettings).filter((name) => name.startsWith("PARLEY_LIMIT_"));
  const { throttle } = startThrottle(Object.fromEntries(limits.map((name) => [name, "1/h"])));
  for (const method of publicServices.flatMap((service) => service.methods)) {
    const from = { ...user(method.name), clientAddress: `address of ${method.name}` };
    assert.equal(throttle.admit(method, from), undefined, method.name);
    assert.throws(() => throttle.admit(method, from), method.name);
  }
});

test("a public method counts by address, whoever calls it", () => {
  const { throttle } = startThrottle({ PARLEY_LIMIT_SIGN_IN: "1/min" });
  assert.equal(throttle.admit(AuthService.method.signIn, user("a")), undefined);
  assert.throws(() => throttle.admit(AuthService.method.signIn, user("b")));
});

test("one limit can be off, and all can", () => {
  const one = startThrottle({ PARLEY_LIMIT_SEND: "off", PARLEY_LIMIT_READ: "1/h" }).throttle;
  const all = startThrottle({ PARLEY_THROTTLING: "off", PARLEY_LIMIT_READ: "1/h" }).throttle;
  for (let i = 0; i < 5_000; i++) assert.equal(one.admit(sendMessage, user("a")), undefined);
  for (let i = 0; i < 5; i++) assert.equal(all.admit(listMessages, user("a")), undefined);
  one.admit(listMessages, user("a"));
  assert.throws(() => one.admit(listMessages, user("a")));
});

test("refusals are logged once a minute, and counted without naming anybody", () => {
  const { throttle, time, lines, read } = startThrottle({ PARLEY_LIMIT_SEND: "1/h" });
  const flood = () => {
    for (let i = 0; i < 50; i++) {
      try {
        throttle.admit(sendMessage, user("the-user"));
      } catch {}
    }
  };
  flood();
  time.nowMs += 59_000;
  flood();
  assert.equal(lines.length, 1);
  time.nowMs += 1_000;
  flood();
  assert.deepEqual(
    lines.map(({ class: name, refused }) => [name, refused]),
    [
      ["send", 1],
      ["send", 99],
    ],
  );
  const values = read();
  assert.equal(values["parley.throttle.calls send user allowed"], 1);
  assert.equal(values["parley.throttle.calls send user refused"], 149);
  assert.equal(values["parley.throttle.buckets send user"], 1);
  assert.ok(!JSON.stringify(values).includes("the-user"));
  throttle.stop();
  assert.deepEqual(read(), {});
});
