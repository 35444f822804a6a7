import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { spellingDistance } from "#platform/spelling-distance.ts";

const pairs: Array<[string, string, number]> = [
  ["word", "word", 0],
  ["word", "wrod", 1],
  ["word", "wordy", 1],
  ["word", "wod", 1],
  ["word", "ward", 1],
  ["kitten", "sitting", 3],
  ["recieve", "receive", 1],
  ["машина", "мошына", 2],
  ["ab", "ba", 1],
  ["𝒳a", "a𝒳", 1],
  ["", "abc", 3],
];

test("counts letters added, left out, replaced and swapped", () => {
  for (const [one, other, distance] of pairs) {
    assert.equal(spellingDistance(one, other, 3), distance, `${one} ${other}`);
    assert.equal(spellingDistance(other, one, 3), distance, `${other} ${one}`);
  }
});

test("says of what is further off only that it is", () => {
  assert.equal(spellingDistance("kitten", "sitting", 2), 3);
  assert.equal(spellingDistance("a", "abcdefgh", 2), 3);
});

test("is what it is without a bound, up to the bound", () => {
  const words = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 9 });
  fc.assert(
    fc.property(words, words, fc.integer({ min: 0, max: 4 }), (one, other, most) => {
      assert.equal(spellingDistance(one, other, most), Math.min(spellingDistance(one, other, 99), most + 1));
    }),
    { numRuns: 2_000 },
  );
});
