/** What finding messages asks the database beforehand: whose chats are searched, stems, and how frequent words are. */
import type { Queryable, Statement } from "#platform/database.ts";

export interface ReadableChat {
  chatId: string;
  kind: string;
  title: string;
  lastNo: number;
  /** ISO 639-1, as people have said; empty: they have not. */
  language: string;
  /** As was found out; empty: unknown. */
  detectedLanguage: string;
  /** The last message's number when it was. */
  detectedAtNo: number;
}

const selectReadableChats: Statement = {
  name: "messenger.select-readable-chats",
  text: `SELECT c.chat_id, c.kind, c.title, c.last_no, c.language, c.detected_language, c.detected_at_no
    FROM messenger.members reader JOIN messenger.chats c ON c.chat_id = reader.chat_id
    WHERE reader.user_id = $1`,
};

type ReadableChatRow = [
  chatId: string,
  kind: string,
  title: string,
  lastNo: number,
  language: string,
  detectedLanguage: string,
  detectedAtNo: number,
];

/** All that the user is a member of now. */
export async function listReadableChats(tx: Queryable, userId: string): Promise<ReadableChat[]> {
  const rows = await tx.queryArrays<ReadableChatRow>(selectReadableChats, [userId]);
  return rows.map(([chatId, kind, title, lastNo, language, detectedLanguage, detectedAtNo]) => ({
    chatId,
    kind,
    title,
    lastNo,
    language,
    detectedLanguage,
    detectedAtNo,
  }));
}

const selectStems: Statement = {
  name: "messenger.select-stems",
  text: `SELECT ts_lexize(given.dictionary::regdictionary, given.word)
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS given (word, dictionary, place) ORDER BY given.place`,
};

export interface WordInLanguage {
  word: string;
  dictionary: string;
}

/** Of each: its stem, empty for a stop word, undefined when the dictionary does not know what to make of it. */
export async function findStems(
  tx: Queryable,
  words: readonly WordInLanguage[],
): Promise<Array<string | undefined>> {
  if (words.length === 0) return [];
  const rows = await tx.queryArrays<[string[] | null]>(selectStems, [
    words.map(({ word }) => word),
    words.map(({ dictionary }) => dictionary),
  ]);
  return rows.map(([stems]) => (stems === null ? undefined : (stems[0] ?? "")));
}

const selectStatistics: Statement = {
  name: "messenger.select-word-statistics",
  text: `SELECT GREATEST(c.reltuples, 0)::float8, s.most_common_elems::text::text[], s.most_common_elem_freqs::float8[]
    FROM pg_class c LEFT JOIN pg_stats s
      ON s.schemaname = 'messenger' AND s.tablename = 'messages' AND s.attname = 'words'
    WHERE c.oid = 'messenger.messages'::regclass`,
};

/** What ANALYZE found: how many messages there are, and of the frequent lexemes the share of messages that have them. */
export async function readStatistics(
  database: Queryable,
): Promise<{ messageCount: number; shares: Map<string, number> }> {
  const [row] = await database.queryArrays<[number, string[] | null, number[] | null]>(selectStatistics);
  const [messageCount = 0, lexemes, shares] = row ?? [];
  return {
    messageCount,
    shares: new Map((lexemes ?? []).map((lexeme, index) => [lexeme, shares?.[index] ?? 0])),
  };
}
