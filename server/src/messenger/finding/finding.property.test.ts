import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { wordsOf } from "#messenger/text-index/words-of.ts";
import { createTestDatabase } from "#test/database.ts";
import { codeOf, createGroup, newUsers, send, startMessenger } from "#test/messenger-fixture.ts";

const { url } = await createTestDatabase();
const messenger = await startMessenger(url);
const [userId, other] = newUsers(2) as [string, string];
const { id: chatId } = await createGroup(messenger, [userId, other]);

/** Of many scripts, and what queries and patterns are made of. */
const letters = fc.constantFrom(
  ...[
    "a",
    "B",
    "é",
    "ß",
    "İ",
    "ж",
    "ё",
    "й",
    "λ",
    "ς",
    "中",
    "文",
    "漢",
    "か",
    "が",
    "カ",
    "ー",
    "한",
    "국",
    "ไ",
    "ท",
    "ย",
  ],
  ...[
    "ع",
    "ر",
    "ב",
    "ि",
    "क",
    "1",
    "²",
    "👍",
    "👩‍👩‍👧",
    "🇩🇪",
    "\u200d",
    "\u202e",
    "\u0301",
    "'",
    '"',
    "\\",
    "&",
    "|",
  ],
  ...[
    "!",
    ":",
    "*",
    "<->",
    "(",
    ")",
    "%",
    "_",
    "-",
    ".",
    "@",
    "#",
    " ",
    " ",
    " ",
    "\n",
    "ﬁ",
    "Ａ",
    "𝒳",
    "ǆ",
    "ᄀ",
  ],
);
const texts = fc.oneof(
  fc.array(letters, { minLength: 1, maxLength: 24 }).map((all) => all.join("")),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }),
  fc.string({ unit: "binary", minLength: 1, maxLength: 30 }),
);

const isEnough = (query: string) =>
  [
    ...wordsOf(query)
      .map(({ word }) => word)
      .join(""),
  ].length >= 2;
const isFound = async (text: string, id: string, phrase: boolean) => {
  const query = { terms: [{ text, phrase }] };
  const { hits } = await messenger.internal.findMessages({ userId, query, limit: 200 });
  for (const { message, fragments } of hits) {
    for (const { parts } of fragments) {
      const shown = parts.map((part) => part.text).join("");
      assert.ok(message!.text.includes(shown), "fragments are pieces of the text");
      assert.ok(shown.isWellFormed(), "no character is cut in two");
      assert.ok(
        parts.some(({ match }) => match),
        "a fragment has a match",
      );
    }
  }
  return hits.some(({ message }) => message!.id === id);
};

test("whatever is asked for, the answer is hits or what is wrong with the query", async () => {
  const term = fc.record({ text: texts, phrase: fc.boolean(), prefix: fc.boolean(), excluded: fc.boolean() });
  const queries = fc.record({
    terms: fc.array(term, { maxLength: 5 }),
    chats: fc.array(texts, { maxLength: 2 }),
    hasAttachment: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(queries, fc.constantFrom(1, 2), async (query, order) => {
      const code = await codeOf(messenger.internal.findMessages({ userId, query, order, limit: 20 }));
      assert.ok(code === "no error" || code === "invalid-input", code);
      const messageIds = ["x"];
      const read = await codeOf(messenger.internal.readFoundMessages({ userId, query, messageIds }));
      assert.equal(read, code);
    }),
    { numRuns: 150 },
  );
});

test("a message is found by each of its words, and by a phrase of them", async () => {
  await fc.assert(
    fc.asyncProperty(texts, fc.nat(), fc.nat(), async (text, from, length) => {
      const words = wordsOf(text);
      if (words.length === 0 || text.includes("\0") || !text.isWellFormed() || text.trim() === "") return;
      const { id } = await send(messenger, { userId, chatId, text });
      for (const { start, end } of words) {
        const written = text.slice(start, end);
        if (isEnough(written)) assert.ok(await isFound(written, id, false), `${text} by ${written}`);
      }
      const first = from % words.length;
      const last = Math.min(words.length - 1, first + (length % 5));
      const phrase = text.slice(words[first]!.start, words[last]!.end);
      if (isEnough(phrase)) assert.ok(await isFound(phrase, id, true), `${text} by the phrase ${phrase}`);
    }),
    { numRuns: 100 },
  );
});
