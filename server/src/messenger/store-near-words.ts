/** Reads of the vocabulary: words that may be spelt nearly as others. */
import { lastCharacter } from "#messenger/store-vocabulary.ts";
import type { Queryable, Statement } from "#platform/database.ts";

const selectSharing: Statement = {
  name: "messenger.select-words-sharing",
  text: `SELECT given.asked, found.word
    FROM unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::int[], $6::int[])
      AS given (asked, piece, since, span, least, most)
    CROSS JOIN LATERAL (
      SELECT w.word FROM messenger.words w
      WHERE messenger.word_grams(w.word) @> messenger.word_grams(given.piece)
        AND char_length(w.word) BETWEEN given.least AND given.most
        AND strpos(substr(w.word, given.since, given.span), given.piece) > 0 LIMIT $7::int
    ) found
    UNION ALL
    SELECT given.asked, w.word FROM unnest($8::text[], $9::text[]) AS given (asked, word)
    JOIN messenger.words w ON w.word = given.word`,
};

export interface SharedPiece {
  asked: string;
  piece: string;
  /** Where in the word it may stand: from this character, counted from 1, within so many. */
  since: number;
  span: number;
  /** Characters of the word. */
  least: number;
  most: number;
}

const maxSharing = 20_000;

/** Words that have one of the pieces about there, and those of `spelt` that there are; some more than once. */
export function findSharing(
  tx: Queryable,
  pieces: readonly SharedPiece[],
  spelt: ReadonlyArray<{ asked: string; word: string }>,
): Promise<[asked: string, word: string][]> {
  return tx.queryArrays(selectSharing, [
    pieces.map(({ asked }) => asked),
    pieces.map(({ piece }) => piece),
    pieces.map(({ since }) => since),
    pieces.map(({ span }) => span),
    pieces.map(({ least }) => least),
    pieces.map(({ most }) => most),
    maxSharing,
    spelt.map(({ asked }) => asked),
    spelt.map(({ word }) => word),
  ]);
}

const selectBeginning: Statement = {
  name: "messenger.select-words-beginning",
  text: `SELECT given.asked, found.word
    FROM unnest($1::text[], $2::text[], $3::int[], $4::int[]) AS given (asked, beginning, least, most)
    CROSS JOIN LATERAL (
      SELECT w.word FROM messenger.words w
      WHERE w.word >= given.beginning AND w.word < given.beginning || $5::text
        AND char_length(w.word) BETWEEN given.least AND given.most LIMIT $6::int
    ) found`,
};

export interface BegunWord {
  asked: string;
  beginning: string;
  /** Characters of the word. */
  least: number;
  most: number;
}

/** Words of such a length that begin so. */
export async function findBeginning(
  tx: Queryable,
  asked: readonly BegunWord[],
): Promise<[asked: string, word: string][]> {
  if (asked.length === 0) return [];
  return await tx.queryArrays(selectBeginning, [
    asked.map((each) => each.asked),
    asked.map(({ beginning }) => beginning),
    asked.map(({ least }) => least),
    asked.map(({ most }) => most),
    lastCharacter,
    maxSharing,
  ]);
}
