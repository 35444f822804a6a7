/** Whether the text index says of every message what its text says. Null, which is "not yet", counts as a violation. */
import {
  type IndexedMessage,
  placesOf,
  tsvectorOf,
  vocabularyOf,
} from "#messenger/text-index/index-entry.ts";
import type { Queryable, Statement } from "#platform/database.ts";

type IndexedRow = [
  chatId: string,
  seq: number,
  senderId: string,
  text: string,
  isDeleted: boolean,
  words: string | null,
  attachments: { name: string }[] | null,
];

const selectIndexed: Statement = {
  name: "test.select-indexed",
  text: `SELECT chat_id, seq, sender_id, text, deleted_at IS NOT NULL, words::text, attachments FROM messenger.messages
    WHERE (chat_id, seq) > ($1::uuid, $2::int) ORDER BY chat_id, seq LIMIT 1000`,
};

const selectMissing: Statement = {
  name: "test.select-missing-words",
  text: "SELECT given FROM unnest($1::text[]) given WHERE given NOT IN (SELECT word FROM messenger.words)",
};

/** What is to be in the database of a message: its entry as tsvector, and its words in the vocabulary. */
export function indexEntryOf(message: IndexedMessage): { tsvector: string; words: string[] } {
  const places = placesOf(message);
  return { tsvector: tsvectorOf(message, places), words: vocabularyOf(places, () => false) };
}

interface IndexViolation {
  rule: string;
  chatId: string;
}

export async function findIndexViolations(database: Queryable): Promise<IndexViolation[]> {
  const violations: IndexViolation[] = [];
  const chatsByWord = new Map<string, string>();
  let last: [string, number] = ["00000000-0000-0000-0000-000000000000", 0];
  for (;;) {
    const rows = await database.queryArrays<IndexedRow>(selectIndexed, last);
    for (const [chatId, , senderId, text, isDeleted, words, attachments] of rows) {
      const entry = isDeleted ? { tsvector: "", words: [] } : indexEntryOf({ text, senderId, attachments });
      const isRight = words !== null && lexemesOf(words).join() === lexemesOf(entry.tsvector).join();
      if (!isRight) violations.push({ rule: "a message's words are those of its text", chatId });
      for (const word of entry.words) chatsByWord.set(word, chatId);
    }
    if (rows.length === 0) break;
    last = [rows.at(-1)![0], rows.at(-1)![1]];
  }
  for (const [word] of await database.queryArrays<[string]>(selectMissing, [[...chatsByWord.keys()]])) {
    violations.push({ rule: "the vocabulary has every word", chatId: chatsByWord.get(word)! });
  }
  return violations;
}

/** Of a tsvector, as we write it or as PostgreSQL does: its lexemes with their positions, sorted. */
export const lexemesOf = (tsvector: string): string[] => (tsvector.match(/'[^']*'(:[\d,]+)?/gu) ?? []).sort();
