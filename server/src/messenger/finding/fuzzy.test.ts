/** Queries that ask for words spelt nearly so as well. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FindOrder } from "@parley/api/internal/messenger";
import fc from "fast-check";
import { findNearWords, mostWrong, mostWrongWhenFuzzy } from "#messenger/finding/near-words.ts";
import { addWords } from "#messenger/store-text-index.ts";
import { compareUtf8 } from "#messenger/text-index/compare-utf8.ts";
import { spellingDistance } from "#platform/spelling-distance.ts";
import { createTestDatabase } from "#test/database.ts";
import { createGroup, newUsers, send, startMessenger } from "#test/messenger-fixture.ts";

const { url, database } = await createTestDatabase();
const messenger = await startMessenger(url);

interface Terms {
  text: string;
  phrase?: boolean;
  excluded?: boolean;
  prefix?: boolean;
}

async function newChat(texts: readonly string[]) {
  const [userId, other] = newUsers(2) as [string, string];
  const { id: chatId } = await createGroup(messenger, [userId, other]);
  const ids = new Map<string, string>();
  for (const text of texts) ids.set((await send(messenger, { userId, chatId, text })).id, text);
  const findIds = async (terms: Terms[], fuzzy: boolean, cursor = "", limit = 0) =>
    await messenger.internal.findMessages({
      userId,
      query: { terms, fuzzy },
      order: FindOrder.NEWEST,
      cursor,
      limit,
    });
  /** Texts of what is found and, read again, still matches: both must agree. The newest first. */
  const find = async (query: string | Terms[], { fuzzy = true } = {}) => {
    const terms = typeof query === "string" ? query.split(" ").map((text) => ({ text })) : query;
    const { messageIds, nextCursor } = await findIds(terms, fuzzy);
    assert.equal(nextCursor, undefined);
    const asked = { userId, query: { terms, fuzzy }, messageIds };
    const { hits } = await messenger.internal.readFoundMessages(asked);
    assert.deepEqual(
      hits.map(({ message }) => message!.id),
      messageIds,
    );
    return { texts: messageIds.map((id) => ids.get(id)!), hits };
  };
  return { userId, chatId, find, findIds, ids };
}

const greetings = [
  "The watermelon is ripe",
  "A waterlemon, they wrote",
  "Hello there",
  "Hallo, du",
  "A hollow tree",
  "Nothing like it",
];

test("words that differ by two or three letters are found beside the word itself, the newest first", async () => {
  const { find } = await newChat(greetings);
  assert.deepEqual((await find("watermelon")).texts, [greetings[1], greetings[0]]);
  assert.deepEqual((await find("wutermeln")).texts, [greetings[0]], "two");
  assert.deepEqual((await find("wutirmeln")).texts, [greetings[0]], "three");
  assert.deepEqual((await find("wutirmoln")).texts, [], "four");
  assert.deepEqual((await find("hello")).texts, [greetings[4], greetings[3], greetings[2]]);
  assert.deepEqual((await find("hxlxo")).texts, [greetings[3], greetings[2]], "every other letter");
});

test("what is shown of a message is where it is spelt nearly so", async () => {
  const { find } = await newChat(["Please send the recieptt today"]);
  const { hits } = await find("receipt");
  const parts = hits[0]!.fragments.flatMap((fragment) => fragment.parts.filter(({ match }) => match));
  assert.deepEqual(
    parts.map(({ text }) => text),
    ["recieptt"],
  );
});

test("a query that is not fuzzy finds what it did: near words only where there is nothing else", async () => {
  const { find } = await newChat(greetings);
  assert.deepEqual((await find("watermelon", { fuzzy: false })).texts, [greetings[0]]);
  assert.deepEqual((await find("hello", { fuzzy: false })).texts, [greetings[2]]);
  assert.deepEqual((await find("wutermeln", { fuzzy: false })).texts, [greetings[0]]);
  assert.deepEqual((await find("hxlxo", { fuzzy: false })).texts, []);
});

test("all words have to be there, each nearly so; phrases, excluded and short words just as they are", async () => {
  const { find } = await newChat(["great whales sing", "great snails crawl", "whales gather", "the cat sat"]);
  assert.deepEqual((await find("graet whale")).texts, ["great whales sing"]);
  assert.deepEqual((await find([{ text: "great wales", phrase: true }])).texts, []);
  const withoutSnails = [{ text: "great" }, { text: "snial", excluded: true }];
  assert.deepEqual((await find(withoutSnails)).texts, ["great snails crawl", "great whales sing"]);
  assert.deepEqual((await find("cut")).texts, []);
  assert.deepEqual((await find([{ text: "whal", prefix: true }])).texts, [
    "whales gather",
    "great whales sing",
  ]);
});

test("finds misspelt words of Russian messages, and other forms of them", async () => {
  const fixture = new URL("fixture/russian.json", import.meta.url);
  const { messages } = JSON.parse(readFileSync(fixture, "utf8")) as { messages: Record<string, string> };
  const { find } = await newChat(Object.values(messages));
  const found = async (query: string) => new Set((await find(query)).texts);
  const expected: Array<[query: string, ids: string[]]> = [
    ["встерча", ["ru1", "ru2", "ru3"]],
    ["хлодилник", ["ru14", "ru15"]],
    ["дакумент", ["ru10", "ru11"]],
    ["сабока", ["ru16", "ru17"]],
    ["билтеы", ["ru4", "ru5"]],
    ["фелим", ["ru12"]],
  ];
  for (const [query, ids] of expected) {
    const texts = await found(query);
    for (const id of ids) assert.ok(texts.has(messages[id]!), `${query}: ${messages[id]}`);
  }
  assert.ok(!(await found("встерча")).has(messages.ru8!));
});

test("pages of a fuzzy search go through everything once", async () => {
  const texts = Array.from(
    { length: 9 },
    (_, index) => `${index % 2 ? "giraffe" : "girrafe"} number ${index}`,
  );
  const { findIds, ids } = await newChat(texts);
  const seen: string[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const page = await findIds([{ text: "giraffe" }], true, cursor, 2);
    seen.push(...page.messageIds.map((id) => ids.get(id)!));
    cursor = page.nextCursor;
  }
  assert.deepEqual(seen, texts.toReversed());
});

test("a hit that was edited, so that nothing of it is like the query, is read no more", async () => {
  const { userId, chatId, findIds } = await newChat(["a crocodile"]);
  const query = { terms: [{ text: "krokodil" }], fuzzy: true };
  const { messageIds } = await findIds(query.terms, true);
  assert.equal(messageIds.length, 1);
  await messenger.as(userId).editMessage({ chatId, messageId: messageIds[0]!, text: "an alligator" });
  assert.deepEqual((await messenger.internal.readFoundMessages({ userId, query, messageIds })).hits, []);
});

test("of a vocabulary just those words are near that are spelt nearly so", async () => {
  const letters = fc.constantFrom(..."abcdeо");
  const word = (minLength: number) =>
    fc.array(letters, { minLength, maxLength: 9 }).map((characters) => characters.join(""));
  const vocabulary = fc.sample(word(1), { numRuns: 3_000, seed: 7 });
  await addWords(database, [...new Set(vocabulary)].sort(compareUtf8));
  const { length } = vocabulary;
  let looked = 0;
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(word(4), fc.boolean(), async (asked, fuzzy) => {
      const wrong = (fuzzy ? mostWrongWhenFuzzy : mostWrong)(asked.length);
      const near = await findNearWords(database, [{ word: asked, wrong }], length);
      const found = new Set(near.get(asked));
      for (const like of new Set(vocabulary)) {
        const distance = spellingDistance(asked, like, wrong);
        if (distance === 0 || distance > wrong) assert.ok(!found.has(like), `${asked}: ${like}`);
        else {
          compared += 1;
          if (found.has(like)) looked += 1;
        }
      }
    }),
    // The same ones each time: another sample may come to another share.
    { numRuns: 60, seed: 7 },
  );
  // All but what near-words.ts says it misses.
  assert.ok(compared > 500 && looked / compared > 0.98, `${looked} of ${compared}`);
});
