/** The text index as it is written other than by sends, whose statement writes it along (store-sends.ts). */
import type { MessagePlace } from "#messenger/message-id.ts";
import type { IndexedTexts } from "#messenger/text-index/text-index.ts";
import type { Queryable, Statement } from "#platform/database.ts";
import { nilUuid } from "#platform/uuid.ts";

const insertWords: Statement = {
  name: "messenger.insert-words",
  text: `INSERT INTO messenger.words (word) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING`,
};

/** A new word takes some 40 µs, most of it for its grams: this keeps a statement well below its timeout. */
export const maxWordsPerStatement = 1_000;

/**
 * Distinct and sorted by compareUtf8. It does no harm when a word is there before its message, so this may be done in a
 * transaction of its own.
 */
export async function addWords(tx: Queryable, words: readonly string[]): Promise<void> {
  for (let start = 0; start < words.length; start += maxWordsPerStatement) {
    await tx.query(insertWords, [words.slice(start, start + maxWordsPerStatement)]);
  }
}

/** A flood of new words must not make the statement time out that stores their messages. What is left for that one to do. */
export async function addWordsAhead(database: Queryable, indexed: IndexedTexts): Promise<IndexedTexts> {
  if (indexed.newWords === null || indexed.newWords.length <= maxWordsPerStatement) return indexed;
  await addWords(database, indexed.newWords);
  return { ...indexed, newWords: null };
}

export const beforeAll: MessagePlace = { chatId: nilUuid, seq: 0 };

const updateEntry: Statement = {
  name: "messenger.update-entry",
  text: `UPDATE messenger.messages SET words = $3::text::tsvector WHERE chat_id = $1 AND seq = $2`,
};

/** After setText, which leaves the message without words. */
export async function setEntry(
  tx: Queryable,
  place: MessagePlace,
  { entries, newWords }: IndexedTexts,
): Promise<void> {
  if (!entries) return;
  if (newWords) await addWords(tx, newWords);
  await tx.query(updateEntry, [place.chatId, place.seq, entries[0]]);
}

export type TextRow = [
  chatId: string,
  seq: number,
  senderId: string,
  text: string,
  isDeleted: boolean,
  attachments: readonly { name: string }[] | null,
];

/** So many, or fewer if they are long: the last one may exceed the bytes. */
const textsAfter = (condition: string): string => `
  SELECT chat_id, seq, sender_id, text, is_deleted, attachments FROM (
    SELECT chat_id, seq, sender_id, text, deleted_at IS NOT NULL AS is_deleted, attachments,
      sum(octet_length(text)) OVER (ORDER BY chat_id, seq) - octet_length(text) AS bytes_before
    FROM (
      SELECT chat_id, seq, sender_id, text, deleted_at, attachments FROM messenger.messages
      WHERE (chat_id, seq) > ($1::uuid, $2::int) AND ${condition} ORDER BY chat_id, seq LIMIT $3
    ) next
  ) page WHERE bytes_before < $4 ORDER BY chat_id, seq`;

const selectTexts = {
  missing: { name: "messenger.select-texts-not-indexed", text: textsAfter("words IS NULL") },
  all: { name: "messenger.select-texts", text: textsAfter("true") },
} satisfies Record<string, Statement>;

/** Of messages in the order of their places. */
export function listTexts(
  database: Queryable,
  which: keyof typeof selectTexts,
  after: MessagePlace,
  limits: { messages: number; bytes: number },
): Promise<TextRow[]> {
  return database.queryArrays<TextRow>(selectTexts[which], [
    after.chatId,
    after.seq,
    limits.messages,
    limits.bytes,
  ]);
}

// A text that was changed meanwhile has its own words already, or none yet. That of a message with attachments may be
// empty before and after it is deleted.
const updateEntries: Statement = {
  name: "messenger.update-entries",
  text: `UPDATE messenger.messages m SET words = given.entry::tsvector
    FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::bool[])
      AS given (chat_id, seq, text, entry, is_deleted)
    WHERE m.chat_id = given.chat_id AND m.seq = given.seq AND m.text = given.text
      AND (m.deleted_at IS NOT NULL) = given.is_deleted
      AND m.words IS DISTINCT FROM given.entry::tsvector
    RETURNING m.seq`,
};

/** Of those whose text is still this one. Answers how many had other words. */
export async function setEntries(
  database: Queryable,
  rows: readonly TextRow[],
  entries: ReadonlyArray<string | null>,
): Promise<number> {
  const changed = await database.queryArrays(updateEntries, [
    rows.map(([chatId]) => chatId),
    rows.map(([, seq]) => seq),
    rows.map(([, , , text]) => text),
    entries,
    rows.map(([, , , , isDeleted]) => isDeleted),
  ]);
  return changed.length;
}

const countNotIndexed: Statement = {
  name: "messenger.count-not-indexed",
  text: `SELECT count(*) AS count FROM (
      SELECT FROM messenger.messages WHERE words IS NULL LIMIT $1
    ) counted`,
};

/** At most `limit`. */
export async function countTextsNotIndexed(database: Queryable, limit: number): Promise<number> {
  const [row] = await database.query<{ count: number }>(countNotIndexed, [limit]);
  return row!.count;
}

const sumMessages: Statement = {
  name: "messenger.sum-messages",
  text: "SELECT COALESCE(sum(last_no), 0)::float8 AS count FROM messenger.chats",
};

export async function countMessages(database: Queryable): Promise<number> {
  const [row] = await database.query<{ count: number }>(sumMessages);
  return row!.count;
}

/** Whoever holds it is the only one who indexes messages other than those being sent. */
export const reindexLockId = 7_270_901_343;
/** Whoever holds it merges. */
const mergeLockId = 7_270_901_344;

/** Skipped while somebody else does it. Answers how many pages were merged. */
export const mergePendingEntries = `
  SELECT gin_clean_pending_list('messenger.messages_words')::int AS entries,
    gin_clean_pending_list('messenger.words_grams')::int AS words
  WHERE pg_try_advisory_xact_lock(${mergeLockId})`;
