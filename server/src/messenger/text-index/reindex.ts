/** Gives messages that are there already the words of their texts: those without any, or all. */
import type { MessagePlace } from "#messenger/message-id.ts";
import { addWords, beforeAll, listTexts, setEntries, type TextRow } from "#messenger/store-text-index.ts";
import type { TextIndex } from "#messenger/text-index/text-index.ts";
import type { Database } from "#platform/database.ts";
import { toPublicError } from "#platform/errors.ts";

export interface ReindexOptions {
  database: Database;
  textIndex: TextIndex;
  which: "missing" | "all";
  signal: AbortSignal;
  onPage(page: IndexedPage): Promise<void>;
}

export interface IndexedPage {
  messages: number;
  /** Had no words, or others. */
  changed: number;
  /** Are stored with no words at all, since the database takes none of theirs. */
  refused: number;
  /** Of its last message. */
  last: MessagePlace;
  tookMs: number;
}

/** Small enough for nobody to wait long for a row of it. */
const pageLimits = { messages: 200, bytes: 262_144 };

/** Ends early when the signal aborts. Nobody else may do the same meanwhile (reindexLockId). */
export async function reindex(options: ReindexOptions): Promise<void> {
  const { database, which, signal } = options;
  let last = beforeAll;
  while (!signal.aborted) {
    const startedAtMs = performance.now();
    const rows = await listTexts(database, which, last, pageLimits);
    if (rows.length === 0) return;
    const [chatId, seq] = rows.at(-1)!;
    last = { chatId, seq };
    const outcome = await indexPage(options, rows);
    const tookMs = performance.now() - startedAtMs;
    await options.onPage({ messages: rows.length, ...outcome, last, tookMs });
  }
}

/** When the database refuses a page, each message of it is tried for itself. */
async function indexPage(
  options: ReindexOptions,
  rows: TextRow[],
): Promise<{ changed: number; refused: number }> {
  try {
    return { changed: await indexRows(options, rows), refused: 0 };
  } catch (error) {
    if (toPublicError(error).code !== "internal") throw error;
  }
  const outcome = { changed: 0, refused: 0 };
  for (const row of rows) {
    try {
      outcome.changed += await indexRows(options, [row]);
    } catch (error) {
      if (toPublicError(error).code !== "internal") throw error;
      outcome.changed += await setEntries(options.database, [row], [""]);
      outcome.refused += 1;
    }
  }
  return outcome;
}

async function indexRows({ database, textIndex }: ReindexOptions, rows: TextRow[]): Promise<number> {
  const messages = rows.map(([, , senderId, text, , attachments]) => ({ senderId, text, attachments }));
  const { entries, newWords, committed } = textIndex.entriesOf(messages);
  if (!entries) return 0;
  // Committed before the messages: an edit holds its message while it waits for words of ours.
  if (newWords) await addWords(database, newWords);
  committed();
  return setEntries(
    database,
    rows,
    entries.map((entry, index) => (rows[index]![4] ? "" : entry)),
  );
}
