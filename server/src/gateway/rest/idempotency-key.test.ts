import assert from "node:assert/strict";
import { test } from "node:test";
import { readIdempotencyKey } from "#gateway/rest/idempotency-key.ts";
import { toPublicError } from "#platform/errors.ts";

const good: [header: string, key: string][] = [
  ['"8e03978e-40d5-43e8-bc93-6894a57f9324"', "8e03978e-40d5-43e8-bc93-6894a57f9324"],
  ["8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9324"],
  ["  KG5LxwFBepaKHyUD/+==  ", "KG5LxwFBepaKHyUD/+=="],
  ['"a, b; c"', "a, b; c"],
  [String.raw`"a \"b\" \\ c"`, String.raw`a "b" \ c`],
  ["x".repeat(255), "x".repeat(255)],
];
for (const [header, key] of good) {
  test(`takes ${header.slice(0, 60)}`, () => assert.equal(readIdempotencyKey([header]), key));
}

const bad: [why: string, headers: string[]][] = [
  ["two headers", ["a", "b"]],
  ["the same key twice", ["a", "a"]],
  ["a list", ["a, b"]],
  ["nothing", [""]],
  ["an empty string", ['""']],
  ["a string that does not end", ['"a']],
  ["text after the string", ['"a" b']],
  ["a parameter", ['"a";p=1']],
  ["a key with a space", ["a b"]],
  ["a character that is not ASCII", ['"é"']],
  ["an escape that does not exist", [String.raw`"\n"`]],
  ["a key that is too long", ["x".repeat(256)]],
];
for (const [why, headers] of bad) {
  test(`refuses ${why}, and names the field`, () => {
    assert.throws(
      () => readIdempotencyKey(headers),
      (error) => {
        const { code, violations } = toPublicError(error);
        assert.equal(code, "invalid-input");
        assert.deepEqual(
          violations.map(({ field }) => field),
          ["idempotencyKey"],
        );
        return true;
      },
    );
  });
}
