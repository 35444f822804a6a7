import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { toPublicError } from "#platform/errors.ts";
import { parseQuery } from "#search/query/parse-query.ts";

/** Terms as people would write them: "phrase", -excluded, prefix*. */
function termsOf(text: string): string[] {
  return parseQuery(text, "q").terms.map(({ text, phrase, prefix, excluded }) => {
    const written = phrase ? `"${text}"` : text;
    return `${excluded ? "-" : ""}${written}${prefix ? "*" : ""}`;
  });
}

function refusalOf(text: string): string | undefined {
  try {
    parseQuery(text, "q");
    return undefined;
  } catch (error) {
    const { code, violations } = toPublicError(error);
    assert.equal(code, "invalid-input");
    assert.deepEqual(
      violations.map(({ field }) => field),
      ["q"],
    );
    return violations[0]!.message;
  }
}

describe("the words of a query", () => {
  it("takes words, phrases and what must not be there", () => {
    assert.deepEqual(termsOf('red "blue whale" -green -"light grey" '), [
      "red",
      '"blue whale"',
      "-green",
      '-"light grey"',
    ]);
  });

  it("takes the last word for the beginning of one, unless something follows or it is quoted or excluded", () => {
    assert.deepEqual(termsOf("the hou"), ["the", "hou*"]);
    for (const text of ["the hou ", "the hou.", "the hou\u00a0"])
      assert.deepEqual(termsOf(text), ["the", "hou"]);
    assert.deepEqual(termsOf('the "hou"'), ["the", '"hou"']);
    assert.deepEqual(termsOf("the -hou"), ["the", "-hou"]);
    assert.deepEqual(termsOf("hou has:attachment"), ["hou"]);
    assert.deepEqual(termsOf("東京"), ["東京*"]);
    assert.deepEqual(termsOf("we don't"), ["we", "don", "t"]);
    assert.deepEqual(termsOf("Anna’s"), ["Anna", "s"]);
    assert.deepEqual(termsOf("l'e"), ["l", "e*"]);
    assert.deepEqual(termsOf("plan s"), ["plan", "s*"]);
  });

  it("takes a quote that is never closed for words, the last of which is being typed", () => {
    assert.deepEqual(termsOf('"blue wha'), ["blue", "wha*"]);
    assert.deepEqual(termsOf('"a b" c "d e'), ['"a b"', "c", "d", "e*"]);
    assert.deepEqual(termsOf('5" pipe '), ["5", "pipe"]);
  });

  it("takes typographic quotes as well", () => {
    assert.deepEqual(termsOf("“blue whale” «grey seal»"), ['"blue whale"', '"grey seal"']);
  });

  it("takes what looks like an operator and is none for words", () => {
    assert.deepEqual(termsOf("foo:bar 12:30 https://example.org/a?b=c "), [
      ...["foo", "bar", "12", "30", "https", "example", "org", "a", "b", "c"],
    ]);
    assert.deepEqual(termsOf("-12:30 noon "), ['-"12 30"', "noon"]);
    assert.deepEqual(termsOf("inform:me "), ["inform", "me"]);
  });

  it("finds nothing in the metacharacters of databases", () => {
    assert.deepEqual(termsOf("a & !b | (c <-> d):* ' \\ % _ ; -- '' $1 :word "), [
      "a",
      "b",
      "c",
      "d",
      "1",
      "word",
    ]);
  });

  it("sees through invisible characters, and those that nobody can have meant", () => {
    assert.deepEqual(termsOf("wh\u200bal\u00ade\u202e \u200f blue\0seal\ud800 "), ["whale", "blue", "seal"]);
    assert.deepEqual(parseQuery("\u200efrom:\u2066me\u2069", "q").from, ["me"]);
  });
});

describe("the operators of a query", () => {
  const dayMs = 86_400_000;

  it("takes people, chats and attachments in any case, with quotes and several times", () => {
    const query = parseQuery('FROM:me from:"Anna Smith" In:general in:"the team" HAS:Attachment', "q");
    assert.deepEqual(
      [query.from, query.in],
      [
        ["me", "Anna Smith"],
        ["general", "the team"],
      ],
    );
    assert.equal(query.hasAttachment, true);
    assert.deepEqual(query.terms, []);
  });

  it("takes days: before one begins, after one ends", () => {
    const query = parseQuery("before:2026-11-21 after:2026-10-31", "q");
    assert.equal(query.beforeMs, Date.UTC(2026, 10, 21));
    assert.equal(query.notBeforeMs, Date.UTC(2026, 9, 31) + dayMs);
  });

  it("takes times, of which only what is later or earlier counts", () => {
    const query = parseQuery('after:2026-11-21T08:30:00.5+02:00 before:"2026-11-21 08:30:00Z"', "q");
    assert.equal(query.notBeforeMs, Date.UTC(2026, 10, 21, 6, 30, 0, 501));
    assert.equal(query.beforeMs, Date.UTC(2026, 10, 21, 8, 30));
  });

  it("keeps the narrowest of several times", () => {
    const query = parseQuery("before:2026-02-01 before:2026-01-01 after:2024-01-01 after:2025-01-01", "q");
    assert.equal(query.beforeMs, Date.UTC(2026, 0, 1));
    assert.equal(query.notBeforeMs, Date.UTC(2025, 0, 2));
  });

  it("stays within what times can be written as", () => {
    assert.equal(parseQuery("after:9999-12-31", "q").notBeforeMs, Date.parse("9999-12-31T23:59:59.999Z"));
    assert.equal(refusalOf("after:0000-01-01")?.startsWith("after: must be a day"), true);
  });

  it("takes one without a value for nothing", () => {
    const query = parseQuery('whale from: in:"" before:', "q");
    assert.deepEqual([query.from, query.in, query.beforeMs], [[], [], undefined]);
    assert.equal(query.terms.length, 1);
  });

  it("refuses values that cannot be meant, and says why", () => {
    const day = "must be a day as 2026-11-21 or a time as 2026-11-21T08:30:00Z";
    for (const value of [
      "yesterday",
      "2026-02-30",
      "2026-13-01",
      "2026-11-21T08:30:00",
      "2026-11-21T25:00:00Z",
    ]) {
      assert.equal(refusalOf(`before:${value}`), `before: ${day}`, value);
      assert.equal(refusalOf(`whale AFTER:${value}`), `after: ${day}`, value);
    }
    assert.equal(refusalOf("has:feathers"), 'has: must be "attachment"');
    assert.equal(refusalOf("whale -from:anna"), "-from: only words can be excluded");
    assert.equal(refusalOf("from:a ".repeat(11)), "from: must be there at most 10 times");
  });
});

describe("a query that says too little or too much", () => {
  it("is refused with the minimum", () => {
    for (const text of [
      "",
      "   ",
      "a",
      "?",
      '"',
      '""',
      "from:",
      "from: in: ",
      "...",
      "\u200b\u202e",
      "\0",
      "- -",
    ]) {
      assert.match(
        refusalOf(text) ?? "fine",
        /at least 2 letters or digits, or one Chinese/,
        JSON.stringify(text),
      );
    }
  });

  it("is fine with one character that may be a word, and with one that an operator goes with", () => {
    for (const text of [
      "鯨",
      "물",
      "か",
      "🐳",
      "ab",
      "a b",
      "42",
      "a from:me",
      "has:attachment",
      "-x in:general",
    ]) {
      assert.equal(refusalOf(text), undefined, text);
    }
  });

  it("is refused when it only says what must not be there", () => {
    assert.match(refusalOf('-green -"light grey"') ?? "fine", /not only what must not be there/);
  });

  it("is refused with the maximum", () => {
    assert.equal(refusalOf("a".repeat(1_001)), "must be at most 1000 characters");
    assert.equal(refusalOf("whale ".repeat(1_700)), "must be at most 1000 characters");
    assert.equal(refusalOf("🐳".repeat(501)), "must be at most 32 words");
    assert.equal(refusalOf("ab ".repeat(32)), undefined);
    assert.equal(refusalOf("ab ".repeat(33)), "must be at most 32 words");
  });
});

describe("any text", () => {
  const pieces = fc.constantFrom(
    ...[
      '"',
      "-",
      ":",
      "from:",
      "in:",
      "before:",
      "after:",
      "has:",
      "attachment",
      "me",
      "2026-11-21",
      " ",
      "\0",
    ],
    ...[
      "whale",
      "鯨",
      "\u202e",
      "\u200d",
      "\ud800",
      "'",
      "\\",
      "&",
      "|",
      "!",
      "(",
      "<->",
      "*",
      "🐳",
      "\u0301",
    ],
  );
  const texts = fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.array(pieces).map((all) => all.join("")),
  );

  it("is a query or is refused as one, within all bounds", () => {
    fc.assert(
      fc.property(texts, (text) => {
        if (refusalOf(text) !== undefined) return;
        const query = parseQuery(text, "q");
        assert.ok(query.terms.length <= 32 && query.from.length <= 10 && query.in.length <= 10);
        assert.ok(query.terms.filter(({ prefix }) => prefix).length <= 1);
        for (const { text } of query.terms) {
          assert.match(text, /[\p{L}\p{N}\p{Extended_Pictographic}]/u);
          assert.ok(text.isWellFormed() && !/[\p{Cc}\p{Cf}]/u.test(text));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("finds again the words that it is made of", () => {
    const words = fc.array(fc.stringMatching(/^[a-zäßщ鯨]{2,8}$/), { minLength: 1, maxLength: 32 });
    fc.assert(fc.property(words, (written) => assert.deepEqual(termsOf(`${written.join(" ")} `), written)));
  });
});
