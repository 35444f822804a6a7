import assert from "node:assert/strict";
import { test } from "node:test";
import { waysThrough } from "#messenger/finding/run-ways.ts";

function aroundOf(inner: readonly string[]) {
  let looks = 0;
  class Counted extends Set<string> {
    override has(text: string): boolean {
      looks += 1;
      return super.has(text);
    }
  }
  const around = { inner: new Counted(inner), beginning: new Set(""), ending: new Map(), containing: [] };
  return { around, looks: () => looks };
}

const wordsThrough = (text: string, inner: readonly string[]) =>
  waysThrough([...text], aroundOf(inner).around).map((way) =>
    way.map(({ words }) => [...words.keys()].join()),
  );

test("finds all ways to take characters apart into words, the longest first", () => {
  assert.deepEqual(wordsThrough("東京都", ["東", "東京", "京都", "都"]), [
    ["東京", "都"],
    ["東", "京都"],
  ]);
  assert.deepEqual(wordsThrough("東京都", ["東京", "京"]), []);
});

test("many ways that all end before the last character cost no more than the places they come by", () => {
  const inner = Array.from({ length: 8 }, (_, index) => "ノ".repeat(index + 1));
  const { around, looks } = aroundOf(inner);
  const characters = [..."ノ".repeat(23), "龘"];
  assert.deepEqual(waysThrough(characters, around), []);
  assert.ok(looks() <= characters.length ** 2, `${looks()}`);
});
