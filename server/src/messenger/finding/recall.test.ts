/** Sentences that people could have written, asked for in ways that people ask: how much is found, and how much else. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { SearchTerm } from "@parley/api/internal/messenger";
import { createTestDatabase } from "#test/database.ts";
import { createGroup, newUsers, send, startMessenger } from "#test/messenger-fixture.ts";

interface Fixture {
  language: string;
  messages: Record<string, string>;
  /** Words; "…" a phrase, …* a beginning, -… must not be there. */
  queries: Array<{ kind: string; query: string; expected: string[] }>;
}

/** Just under what is reached. */
const leastRecall = 0.985;
const leastPrecision = 0.955;

const folder = join(import.meta.dirname, "fixture");
const fixtures = readdirSync(folder).map((name) => ({
  name: name.replace(".json", ""),
  ...(JSON.parse(readFileSync(join(folder, name), "utf8")) as Fixture),
}));

class Count {
  expected = 0;
  found = 0;
  right = 0;
  get recall() {
    return this.right / this.expected;
  }
  get precision() {
    return this.found === 0 ? 1 : this.right / this.found;
  }
}

test("finds what is meant, in many languages", async (t) => {
  const { url, database } = await createTestDatabase();
  const messenger = await startMessenger(url);
  const [userId, other] = newUsers(2);
  const names = new Map<string, string>();
  for (const { language, messages } of fixtures) {
    const { id: chatId } = await createGroup(messenger, [userId!, other!]);
    const text = "UPDATE messenger.chats SET detected_language = $2 WHERE chat_id = $1";
    await database.query({ name: "test.set-language", text }, [chatId, language]);
    for (const [name, text] of Object.entries(messages)) {
      names.set((await send(messenger, { userId: other!, chatId, text })).id, name);
    }
  }
  const counts = new Map<string, Count>();
  for (const { name, queries } of fixtures) {
    for (const { kind, query, expected } of queries) {
      const { hits } = await messenger.internal.findMessages({
        userId: userId!,
        query: { terms: termsOf(query) },
      });
      const found = hits.map(({ message }) => names.get(message!.id)!);
      const right = found.filter((each) => expected.includes(each));
      if (right.length < expected.length || right.length < found.length) {
        t.diagnostic(
          `${kind}: ${query} finds ${found.join(" ") || "nothing"} instead of ${expected.join(" ")}`,
        );
      }
      for (const key of ["all", name, kind]) {
        const count = counts.get(key) ?? new Count();
        counts.set(key, count);
        count.expected += expected.length;
        count.found += found.length;
        count.right += right.length;
      }
    }
  }
  for (const [key, { recall, precision }] of counts) {
    t.diagnostic(`${key}: recall ${recall.toFixed(3)}, precision ${precision.toFixed(3)}`);
  }
  const all = counts.get("all")!;
  assert.ok(all.recall >= leastRecall, `recall ${all.recall}`);
  assert.ok(all.precision >= leastPrecision, `precision ${all.precision}`);
});

function termsOf(query: string): Array<Pick<SearchTerm, "text" | "phrase" | "prefix" | "excluded">> {
  return [...query.matchAll(/(-?)(?:"([^"]*)"|(\S+))/g)].map(([, minus, phrase, word = ""]) => ({
    text: phrase ?? word.replace(/\*$/, ""),
    phrase: phrase !== undefined,
    prefix: word.endsWith("*"),
    excluded: minus === "-",
  }));
}
