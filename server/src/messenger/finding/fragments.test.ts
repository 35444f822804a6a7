import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fragmentsOf } from "#messenger/finding/fragments.ts";
import { wordsOf } from "#messenger/text-index/words-of.ts";

function shown(text: string, ...sought: string[]): string[] {
  const matches = wordsOf(text).filter(({ word }) => sought.includes(word));
  return fragmentsOf(text, matches).map(({ parts }) =>
    parts.map((part) => (part.match ? `[${part.text}]` : part.text)).join(""),
  );
}

const filler = (words: number) => Array.from({ length: words }, () => "filler").join(" ");

test("shows a short text whole, with its matches", () => {
  assert.deepEqual(shown("One fish, two fish.", "fish"), ["One [fish], two [fish]."]);
});

test("shows whole words around matches that are far apart, three at the most", () => {
  const text = [1, 2, 3, 4].map((place) => `${filler(40)} fish${place}`).join(" ");
  const fragments = shown(text, "fish1", "fish2", "fish3", "fish4");
  assert.equal(fragments.length, 3);
  for (const fragment of fragments) {
    assert.ok(fragment.length <= 130, fragment);
    assert.match(fragment, /^filler .*filler$|^filler.*\[fish\d\] filler.*filler$/);
  }
});

test("shows nothing where nothing matches", () => {
  assert.deepEqual(shown("One fish", "bird"), []);
});

test("a match longer than a fragment is shown whole", () => {
  const long = "x".repeat(300);
  assert.deepEqual(fragmentsOf(`a ${long} b`, [{ start: 2, end: 302 }]).length, 1);
});

test("never cuts what belongs together, shows pieces of the text in order, and marks what matches", () => {
  const pieces = fc.constantFrom(
    "fish",
    "👩‍👩‍👧",
    "é",
    "n\u0303",
    "漢字",
    "🇩🇪",
    " ",
    " ",
    "\n",
    "abc",
    "ก็",
    "x".repeat(50),
    "한국어",
  );
  const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 150 }), (all) => {
      const text = all.join("");
      const matches = wordsOf(text).filter(({ word }) => word === "fish" || word.startsWith("漢"));
      const fragments = fragmentsOf(text, matches);
      assert.ok(fragments.length <= 3);
      assert.equal(fragments.length > 0, matches.length > 0);
      const borders = new Set([...graphemes.segment(text)].map(({ index }) => index).concat(text.length));
      const matchBorders = new Set(matches.flatMap(({ start, end }) => [start, end]));
      let from = 0;
      for (const { parts } of fragments) {
        const piece = parts.map((part) => part.text).join("");
        const isBorder = (at: number) => borders.has(at) || matchBorders.has(at);
        const places = Array.from({ length: text.length - from }, (_, index) => from + index);
        const start = places.find(
          (at) => text.startsWith(piece, at) && isBorder(at) && isBorder(at + piece.length),
        );
        assert.ok(start !== undefined, "a piece of the text, in order, of whole characters");
        assert.ok(parts.some((part) => part.match));
        from = start + 1;
      }
    }),
    { numRuns: 500 },
  );
});
