/** The text index as it is written other than by sends, whose statement writes it along (store-sends.ts). */
import type { IndexedTexts } from "#messenger/text-index/text-index.ts";
import type { Queryable, Statement } from "#platform/database.ts";

const insertWords: Statement = {
  name: "messenger.insert-words",
  text: `INSERT INTO messenger.words (word) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING`,
};

/** Distinct and sorted by compareUtf8. */
export async function addWords(tx: Queryable, words: readonly string[]): Promise<void> {
  await tx.query(insertWords, [words]);
}

const updateEntry: Statement = {
  name: "messenger.update-entry",
  text: `UPDATE messenger.messages SET words = $3::text::tsvector WHERE chat_id = $1 AND seq = $2`,
};

/** After setText, which leaves the message without words. */
export async function setEntry(
  tx: Queryable,
  place: { chatId: string; seq: number },
  { entries, newWords }: IndexedTexts,
): Promise<void> {
  if (!entries) return;
  if (newWords) await addWords(tx, newWords);
  await tx.query(updateEntry, [place.chatId, place.seq, entries[0]]);
}
