import assert from "node:assert/strict";
import { test } from "node:test";
import type { Http2SessionManager } from "@connectrpc/connect-node";
import { toPublicError } from "#platform/errors.ts";
import { createConnecting } from "#platform/wire/connecting.ts";

const isCode = (code: string) => (error: unknown) => toPublicError(error).code === code;

/** A connection that is neither made nor refused until it is told to be. */
function pendingSessions() {
  let attempts = 0;
  let state = "closed";
  let outcome = Promise.withResolvers<string>();
  const sessions = {
    state: () => state,
    connect() {
      attempts += 1;
      state = "connecting";
      outcome = Promise.withResolvers();
      return outcome.promise;
    },
    abort: () => outcome.resolve("error"),
    error: () => new Error("refused"),
  } as unknown as Http2SessionManager;
  return {
    sessions,
    settle(how: "open" | "error") {
      state = how;
      outcome.resolve(how);
    },
    get attempts() {
      return attempts;
    },
  };
}

const unreachable = (cause: unknown) => new Error("unreachable", { cause });

test("a call waits for a connection no longer than its deadline, nor after its caller has gone away", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const line = pendingSessions();
  const connecting = createConnecting(line.sessions, unreachable);
  const patient = connecting.untilConnected(undefined, undefined);
  const hasty = assert.rejects(connecting.untilConnected(undefined, 10), isCode("timeout"));
  t.mock.timers.tick(10);
  await hasty;
  const caller = new AbortController();
  const left = connecting.untilConnected(caller.signal, 60_000);
  caller.abort();
  await assert.rejects(left, isCode("cancelled"));
  await assert.rejects(connecting.untilConnected(caller.signal, 60_000), isCode("cancelled"));
  line.settle("open");
  await patient;
  assert.equal(line.attempts, 1, "one attempt for all, which goes on for those who still wait");
  assert.ok(connecting.isConnected);
});

test("all who wait learn why there is no connection, and the next one tries anew", async () => {
  const line = pendingSessions();
  const connecting = createConnecting(line.sessions, unreachable);
  const waiting = [1, 2].map(() => connecting.untilConnected(undefined, 60_000));
  line.settle("error");
  for (const { reason } of (await Promise.allSettled(waiting)) as PromiseRejectedResult[]) {
    assert.equal(reason.message, "unreachable");
    assert.equal(reason.cause.message, "refused");
  }
  const next = connecting.untilConnected(undefined, 60_000);
  line.settle("open");
  await next;
  assert.equal(line.attempts, 2);
});

test("a connection that is not made in time is given up", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const line = pendingSessions();
  const waiting = createConnecting(line.sessions, unreachable).untilConnected(undefined, undefined);
  t.mock.timers.tick(3_000);
  await assert.rejects(waiting, /unreachable/);
});
