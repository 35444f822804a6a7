import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { MessageQuerySchema } from "@parley/api/internal/messenger";
import { readQuery } from "#messenger/finding/asked-query.ts";
import { createBoundedStages } from "#messenger/finding/bounded-stages.ts";
import type { SoughtTerm } from "#messenger/finding/likeness.ts";
import { migrationsFolder } from "#messenger/service.ts";
import { addWords } from "#messenger/store-text-index.ts";
import type { Database, Queryable } from "#platform/database.ts";
import { fault } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import { createTestDatabase } from "#test/database.ts";

const { database } = await createTestDatabase();
await migrate(database, "messenger", migrationsFolder, createLog("silent"));
await addWords(database, ["whale", "whole", "whales"].sort());

/** In which looking for near words takes longer than there is time. */
function largeVocabulary(): Database & { looks: number } {
  const slow = {
    ...database,
    looks: 0,
    transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
      return database.transaction((tx) =>
        work({
          query: (statement, values) => tx.query(statement, values),
          queryArrays(statement, values) {
            if (statement.name !== "messenger.select-words-sharing") return tx.queryArrays(statement, values);
            slow.looks += 1;
            throw fault("timeout");
          },
        }),
      );
    },
  };
  return slow;
}

const searchFor = (text: string, fuzzy: boolean) => ({
  asked: readQuery(create(MessageQuerySchema, { terms: [{ text }], fuzzy })),
  languages: ["en"],
});

const wordsOf = (terms: SoughtTerm[] | undefined) =>
  terms?.flatMap(({ ways }) => ways.flatMap((way) => way.flatMap(({ words }) => [...words.keys()]))).sort();

test("a fuzzy query is for words spelt nearly so from the first stage on", async () => {
  const plain = await createBoundedStages(database, searchFor("whale", false))(0, 5_000);
  assert.deepEqual([wordsOf(plain?.terms), plain?.isNarrowed], [["whale", "whales"], false]);
  const fuzzy = await createBoundedStages(database, searchFor("whale", true))(0, 5_000);
  assert.deepEqual([wordsOf(fuzzy?.terms), fuzzy?.isNarrowed], [["whale", "whales", "whole"], false]);
});

test("where near words take too long to find, a fuzzy query still finds the words themselves", async () => {
  const slow = largeVocabulary();
  const seek = createBoundedStages(slow, searchFor("whale", true));
  const sought = await seek(0, 5_000);
  assert.deepEqual([wordsOf(sought?.terms), sought?.isNarrowed], [["whale", "whales"], true]);
  assert.equal((await seek(0, 5_000))?.isNarrowed, true, "it is said every time");
  assert.equal(slow.looks, 1, "and tried once");
  assert.equal(await seek(2, 5_000), undefined, "a later stage is out of time as ever");
});
