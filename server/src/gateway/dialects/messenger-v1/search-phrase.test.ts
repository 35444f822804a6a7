import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { toQuery } from "#gateway/dialects/messenger-v1/search-phrase.ts";
import { toPublicError } from "#platform/errors.ts";

describe("a phrase of the old API", () => {
  it("is its words, the last of which is whole", () => {
    assert.equal(toQuery("some message", "message"), "some message ");
    assert.equal(toQuery("  привет,  мир! ", "message"), "привет мир ");
    assert.equal(toQuery("cafe\u0301 🐳🐳", "message"), "cafe\u0301 🐳 🐳 ");
  });

  it("means nothing more, whatever v2 would take it for", () => {
    assert.equal(toQuery('from:anna "blue whale" -red', "message"), "from anna blue whale red ");
    assert.equal(
      toQuery("“has:attachment” before:2026-01-01", "message"),
      "has attachment before 2026 01 01 ",
    );
    assert.equal(toQuery("-\u200bin\u200d: chat", "message"), "in chat ");
  });

  it("is refused with three characters or fewer, and with nothing to look for", () => {
    for (const phrase of [
      "a",
      "abc",
      " abc ",
      "🐳🐳🐳",
      "a\u200b\u200b\u200b\u200bb",
      "....",
      "\ud800\ud800\ud800\ud800",
    ])
      assert.throws(
        () => toQuery(phrase, "message"),
        (error) => toPublicError(error).code === "invalid-input",
        JSON.stringify(phrase),
      );
    assert.equal(toQuery("abcd", "message"), "abcd ");
    assert.equal(toQuery("🐳🐳🐳🐳", "message"), "🐳 🐳 🐳 🐳 ");
  });

  it("holds nothing but words and single spaces, whatever it was", () => {
    const pieces = fc.constantFrom(
      '"',
      "-",
      "from:",
      "in:",
      "«",
      "\u202e",
      "\0",
      "\ud800",
      " ",
      "word",
      "鯨",
    );
    const texts = fc.oneof(
      fc.string({ unit: "binary", maxLength: 60 }),
      fc.array(pieces).map((all) => all.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          assert.match(
            toQuery(text, "message"),
            /^(?:(?:[\p{L}\p{N}][\p{L}\p{N}\p{M}]*|\p{Extended_Pictographic}) )+$/u,
          );
        } catch (error) {
          assert.equal(toPublicError(error).code, "invalid-input");
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
