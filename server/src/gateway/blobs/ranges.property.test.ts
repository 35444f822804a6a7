import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { spansOf } from "#gateway/blobs/ranges.ts";

const spec = fc.oneof(
  fc
    .tuple(fc.nat(40), fc.nat(40))
    .map(([first, more]) => ({ first, last: first + more, text: `${first}-${first + more}` })),
  fc.nat(40).map((first) => ({ first, last: Number.POSITIVE_INFINITY, text: `${first}-` })),
  fc.nat(40).map((suffix) => ({ suffix, text: `-${suffix}` })),
);

test("what is sent is what was asked for and is there, each byte once, in the order of asking", () => {
  fc.assert(
    fc.property(
      fc.array(spec, { minLength: 1, maxLength: 16 }),
      fc.integer({ min: 1, max: 50 }),
      (specs, size) => {
        const asked = new Set<number>();
        for (const one of specs) {
          const first = "suffix" in one ? Math.max(0, size - one.suffix) : one.first;
          const last = "suffix" in one ? size - 1 : Math.min(size - 1, one.last);
          for (let at = first; at <= last; at += 1) asked.add(at);
        }
        const spans = spansOf(`bytes=${specs.map(({ text }) => text).join(", ")}`, size);
        if (spans === "none") return assert.equal(asked.size, 0);
        assert.ok(spans !== "whole");
        const sent = spans.flatMap(({ start, length }) => Array.from({ length }, (_, i) => start + i));
        assert.equal(new Set(sent).size, sent.length);
        assert.deepEqual(
          sent.toSorted((a, b) => a - b),
          [...asked].sort((a, b) => a - b),
        );
        // None touches another.
        const ends = new Set(spans.map(({ start, length }) => start + length));
        assert.ok(spans.every(({ start }) => !ends.has(start)));
      },
    ),
  );
});
