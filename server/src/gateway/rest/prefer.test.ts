import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { prefersAsync } from "#gateway/rest/prefer.ts";

for (const header of [
  "respond-async",
  "Respond-Async",
  " , respond-async ,",
  "respond-async, wait=10",
  "wait=10, respond-async",
  'respond-async=""',
  "respond-async; foo=bar",
  "respond-async;wait=10;x",
  'note="a, b"; c="respond-async=1", respond-async',
  "return=minimal; a; b,respond-async",
]) {
  test(`understands: ${header}`, () => assert.equal(prefersAsync(header), true));
}

for (const header of [
  undefined,
  "",
  "wait=10",
  "respond-asynchronously",
  "x-respond-async",
  "handling=respond-async",
  "handling; respond-async",
  'note="a, respond-async, b"',
  "respond-async=0, respond-async",
  '"respond-async"',
]) {
  test(`is not misled by: ${header}`, () => assert.equal(prefersAsync(header), false));
}

test("whatever else stands before it", () => {
  const name = fc.stringMatching(/^[a-z]{1,8}$/);
  const value = fc.oneof(
    fc.constant(""),
    name.map((text) => `=${text}`),
    fc.stringMatching(/^[ -!#-[\]-~]{0,10}$/).map((text) => `="${text}"`),
  );
  const parameter = fc.tuple(name, value).map(([first, second]) => `;${first}${second}`);
  const preference = fc
    .tuple(name, value, fc.array(parameter, { maxLength: 3 }))
    .map(([first, second, parameters]) => first + second + parameters.join(""));
  fc.assert(
    fc.property(fc.array(preference, { maxLength: 5 }), (others) => {
      assert.equal(prefersAsync([...others, "respond-async"].join(", ")), true);
      assert.equal(prefersAsync(others.join(", ")), false);
    }),
  );
});

test("does not hang on nonsense", () => {
  for (const part of [" ", '"', ';"', "a ", "a;", ",", 'a="', "a=\\"]) prefersAsync(part.repeat(16_384));
});
