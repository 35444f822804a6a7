import assert from "node:assert/strict";
import { test } from "node:test";
import { createKnownWords } from "#messenger/text-index/known-words.ts";

const letters = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, nth) => `word${from + nth}`);

test("knows what it was told", () => {
  const known = createKnownWords(10);
  assert.ok(!known.has("one"));
  known.add(["one", "two"]);
  assert.ok(known.has("one") && known.has("two"));
});

test("forgets words beyond its bound, but for those that are met again", () => {
  const known = createKnownWords(10);
  known.add(["often", ...letters(0, 4)]);
  for (let nth = 4; nth < 100; nth++) {
    known.add(letters(nth, nth + 1));
    assert.ok(known.has("often"));
  }
  assert.ok(letters(0, 100).filter((word) => known.has(word)).length <= 10);
});
