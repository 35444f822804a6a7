import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareUtf8 } from "#messenger/text-index/compare-utf8.ts";

const wellFormed = fc.string({ unit: "binary", maxLength: 4 });

test("is the order of the bytes of UTF-8", () => {
  // The second comes before the first by UTF-16 units.
  assert.ok(compareUtf8("\uffee", "𝔄") < 0);
  fc.assert(
    fc.property(wellFormed, wellFormed, (one, other) => {
      assert.equal(Math.sign(compareUtf8(one, other)), Buffer.compare(Buffer.from(one), Buffer.from(other)));
    }),
  );
});
