import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorKinds, fault, invalidInput, toFault, toPublicError } from "#platform/errors.ts";

test("every code of the registry survives being thrown and normalised", () => {
  for (const [code, { status, title, grpc }] of Object.entries(errorKinds)) {
    const error = fault(code as keyof typeof errorKinds);
    assert.equal(error.code, grpc);
    assert.deepEqual(toPublicError(error), { code, status, title, detail: title, violations: [] });
  }
});

test("invalid input names the field", () => {
  const { violations, detail } = toPublicError(invalidInput("memberIds[2]", "must be a UUID"));
  assert.deepEqual(violations, [{ field: "memberIds[2]", message: "must be a UUID" }]);
  assert.equal(detail, "memberIds[2]: must be a UUID");
});

test("how long to wait is told in whole milliseconds, and only where it was said", () => {
  assert.equal(toPublicError(fault("circuit-open", { retryAfterMs: 0.2 })).retryAfterMs, 1);
  assert.equal(
    toPublicError(toFault(fault("too-many-requests", { retryAfterMs: 1_500 }))).retryAfterMs,
    1_500,
  );
  for (const retryAfterMs of [undefined, 0, -5]) {
    assert.ok(!("retryAfterMs" in toPublicError(fault("unavailable", { retryAfterMs }))));
  }
});

test("an unexpected error tells nothing of itself", () => {
  for (const error of [new Error("password=1"), "password=1", new ConnectError("password=1", Code.Unknown)]) {
    assert.doesNotMatch(JSON.stringify(toPublicError(error)), /password/);
    assert.equal(toPublicError(error).code, "internal");
    assert.doesNotMatch(toFault(error).message, /password/);
    assert.equal(toFault(error).cause, error);
  }
});

test("a fault that carries a code of nobody's registry is internal", () => {
  const error = fault("internal");
  assert.equal(toFault(error), error);
});

test("what AbortSignal.timeout aborts with is a timeout, not a caller who went away", () => {
  assert.equal(toPublicError(new DOMException("late", "TimeoutError")).code, "timeout");
  assert.equal(toPublicError(new DOMException("gone", "AbortError")).code, "cancelled");
});
