/** Reads of finding messages: whose chats are searched, and what the vocabulary has. */
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

const selectForms: Statement = {
  name: "messenger.select-forms",
  text: `SELECT given.place::int, candidate.word
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
      WITH ORDINALITY AS given (dictionary, stem, beginning, beyond, ending, restored, place)
    CROSS JOIN LATERAL (
      SELECT near.word FROM (
        SELECT w.word FROM messenger.words w
        WHERE w.word >= given.beginning AND w.word < given.beyond LIMIT $7
      ) near
      WHERE ts_lexize(given.dictionary::regdictionary,
        CASE WHEN given.ending = '' THEN near.word ELSE regexp_replace(near.word, given.ending, given.restored) END
      ) = ARRAY[given.stem] LIMIT $8
    ) candidate`,
};

export interface FormsOf {
  dictionary: string;
  stem: string;
  /** What the forms begin with. */
  beginning: string;
  /** A pattern of an ending and what replaces it before the word is stemmed; empty: none. */
  ending: string;
  restored: string;
}

const maxFormCandidates = 5_000;
const maxForms = 60;
/** After every character that a word may hold, in the order of UTF-8. */
export const lastCharacter = "\u{10FFFF}";

/** Words of the vocabulary with these stems, by the place of what was asked. */
export async function findForms(tx: Queryable, asked: readonly FormsOf[]): Promise<string[][]> {
  const forms: string[][] = asked.map(() => []);
  if (asked.length === 0) return forms;
  const rows = await tx.queryArrays<[number, string]>(selectForms, [
    asked.map(({ dictionary }) => dictionary),
    asked.map(({ stem }) => stem),
    asked.map(({ beginning }) => beginning),
    asked.map(({ beginning }) => beginning + lastCharacter),
    asked.map(({ ending }) => ending),
    asked.map(({ restored }) => restored),
    maxFormCandidates,
    maxForms,
  ]);
  for (const [place, word] of rows) forms[place - 1]!.push(word);
  return forms;
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
