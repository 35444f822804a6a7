import assert from "node:assert/strict";
import { test } from "node:test";
import { readHits } from "#messenger/finding/found-hits.ts";
import { slotOf } from "#messenger/finding/likeness.ts";
import { findNearWords } from "#messenger/finding/near-words.ts";
import type { Queryable } from "#platform/database.ts";

const answering = (rows: unknown[]) => ({ queryArrays: async () => rows }) as unknown as Queryable;

/** How often others get their turn meanwhile. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await work();
  isOver = true;
  return turns;
}

const id = "00000000-0000-4000-8000-000000000000";

test("others get their turn while many long messages are looked through for what matches", async () => {
  const text = Array.from({ length: 4_000 }, (_, index) => `w${index}`).join(" ");
  const row = (place: number) => [1, 1, id, "", text, null, 0, null, null, null, null, null, id, place];
  const rows = Array.from({ length: 100 }, (_, index) => row(index + 1));
  const terms = Array.from({ length: 8 }, (_, index) => ({
    ways: [[slotOf(`w${index}`)]],
    excluded: false,
    optional: false,
  }));
  const asked = {
    terms: [],
    senderIds: [],
    chats: [],
    beforeMs: undefined,
    notBeforeMs: undefined,
    hasAttachment: false,
    fuzzy: false,
  };
  const turns = await turnsDuring(async () => {
    const hits = await readHits(answering(rows), { readerId: id, asked, terms }, [{ chatId: id, seq: 1 }]);
    assert.equal(hits.length, 100);
  });
  assert.ok(turns > 3, `${turns}`);
});

test("others get their turn while many words are compared", async () => {
  const rows = Array.from({ length: 200_000 }, (_, index) => ["watermelon", `watermelo${index}`]);
  const turns = await turnsDuring(() =>
    findNearWords(answering(rows), [{ word: "watermelon", wrong: 3 }], 30),
  );
  assert.ok(turns > 3, `${turns}`);
});
