/** Reads of the vocabulary: words by their stem, and by parts of them. */
import type { Queryable, Statement } from "#platform/database.ts";

/** After every character that a word may hold, in the order of UTF-8. */
export const lastCharacter = "\u{10FFFF}";

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

export interface WordsAround {
  /** Words of the vocabulary. */
  inner: Set<string>;
  /** What words of the vocabulary begin with. */
  beginning: Set<string>;
  /** By what they end with, but for the word itself. */
  ending: Map<string, string[]>;
  containing: string[];
}

const maxAround = 50;

// One look-up of an index for each text.
const selectAround: Statement = {
  name: "messenger.select-words-around",
  text: `SELECT 'inner', given.text, given.text FROM unnest($1::text[]) AS given (text)
    WHERE (SELECT true FROM messenger.words w WHERE w.word = given.text)
    UNION ALL
    SELECT 'beginning', given.text, found.word FROM unnest($2::text[]) AS given (text)
    CROSS JOIN LATERAL (
      SELECT w.word FROM messenger.words w
      WHERE w.word >= given.text AND w.word < given.text || $5::text LIMIT 1
    ) found
    UNION ALL
    SELECT 'ending', given.text, found.word FROM unnest($3::text[]) AS given (text)
    CROSS JOIN LATERAL (
      SELECT w.word FROM messenger.words w
      WHERE messenger.word_grams(w.word) @> messenger.word_grams(given.text)
        AND right(w.word, char_length(given.text)) = given.text AND w.word <> given.text LIMIT $6::int
    ) found
    UNION ALL
    SELECT 'containing', given.text, found.word FROM unnest($4::text[]) AS given (text)
    CROSS JOIN LATERAL (
      SELECT w.word FROM messenger.words w
      WHERE messenger.word_grams(w.word) @> messenger.word_grams(given.text)
        AND strpos(w.word, given.text) > 0 LIMIT $6::int
    ) found`,
};

/** Of `first` the words that end with it, of `inner` those that are words, of `last` those that words begin with. */
export async function findWordsAround(
  tx: Queryable,
  asked: { whole: string; first: string[]; inner: string[]; last: string[] },
): Promise<WordsAround> {
  const rows = await tx.queryArrays<[kind: string, text: string, word: string]>(selectAround, [
    asked.inner,
    asked.last,
    asked.first,
    [asked.whole],
    lastCharacter,
    maxAround,
  ]);
  const around: WordsAround = { inner: new Set(), beginning: new Set(), ending: new Map(), containing: [] };
  for (const [kind, text, word] of rows) {
    if (kind === "inner") around.inner.add(text);
    else if (kind === "beginning") around.beginning.add(text);
    else if (kind === "containing") around.containing.push(word);
    else around.ending.set(text, [...(around.ending.get(text) ?? []), word]);
  }
  return around;
}

const selectContaining: Statement = {
  name: "messenger.select-words-containing",
  text: `SELECT given.text, found.word FROM unnest($1::text[]) AS given (text)
    CROSS JOIN LATERAL (
      SELECT near.word FROM (
        SELECT w.word FROM messenger.words w
        WHERE messenger.word_grams(w.word) @> messenger.word_grams(given.text)
          AND strpos(w.word, given.text) > 0 AND w.word <> given.text LIMIT $2::int
      ) near ORDER BY char_length(near.word) LIMIT $3::int
    ) found`,
};

const maxContainingRead = 2_000;
const maxContaining = 100;

/** Words that have these texts, of three characters at least, within them: the shortest ones. */
export function findContaining(
  tx: Queryable,
  texts: readonly string[],
): Promise<[text: string, word: string][]> {
  return tx.queryArrays(selectContaining, [texts, maxContainingRead, maxContaining]);
}
