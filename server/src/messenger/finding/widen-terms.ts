/** What is only like the terms: words that they are a part of, words spelt nearly the same. */
import type { AskedTerm } from "#messenger/finding/asked-query.ts";
import { isHangul } from "#messenger/finding/hangul.ts";
import { addLike, likeness, type SoughtTerm } from "#messenger/finding/likeness.ts";
import { findNearWords } from "#messenger/finding/near-words.ts";
import { findWordForms } from "#messenger/finding/word-forms.ts";
import { findContaining } from "#messenger/store-vocabulary.ts";
import type { Queryable } from "#platform/database.ts";

export interface Widening {
  asked: readonly AskedTerm[];
  languages: readonly string[];
  /** Letters that may be wrong in a word; 0: only parts of words. */
  wrong: number;
  /** Shorter words are taken for what they are. */
  minWrongLength: number;
}

const minPartLength = 3;
/** A syllable says about as much as two letters. */
const minHangulPartLength = 2;
const maxPartLength = 40;
const maxFormsOf = 5;

/** Terms of one word each; phrases and what must not be there stay as they are. `terms` are those of `asked`. */
export async function widenTerms(
  tx: Queryable,
  terms: readonly SoughtTerm[],
  { asked, languages, wrong, minWrongLength }: Widening,
): Promise<SoughtTerm[]> {
  const words = asked.map((term) => (canBeWidened(term) ? term.runs[0]!.words[0]! : undefined));
  const wanted = [...new Set(words.filter((word) => word !== undefined))];
  const parts = wanted.filter(canBePart);
  const likes = new Map<string, Map<string, number>>(wanted.map((word) => [word, new Map()]));
  for (const [word, containing] of await findContaining(tx, parts)) {
    addLike(likes.get(word)!, containing, likeness.part);
  }
  if (wrong > 0) await addNear(tx, likes, languages, { wrong, minWrongLength });
  return terms.map((term, index) => {
    const word = words[index];
    const slot = term.ways[0]?.[0];
    if (word === undefined || !slot) return term;
    const wider = new Map(slot.words);
    for (const [like, how] of likes.get(word)!) addLike(wider, like, how);
    return { ...term, ways: [[{ ...slot, words: wider }]] };
  });
}

function canBePart(word: string): boolean {
  const { length } = [...word];
  return length >= (isHangul(word) ? minHangulPartLength : minPartLength) && length <= maxPartLength;
}

/** Near words in all of their forms. */
async function addNear(
  tx: Queryable,
  likes: Map<string, Map<string, number>>,
  languages: readonly string[],
  { wrong, minWrongLength }: Pick<Widening, "wrong" | "minWrongLength">,
): Promise<void> {
  const letters = [...likes.keys()].filter(
    (word) => /^[\p{L}\p{M}]+$/u.test(word) && word.length >= minWrongLength && word.length <= maxPartLength,
  );
  const near = await findNearWords(tx, letters, wrong);
  const nearest = [...near.values()].flatMap((words) => words.slice(0, maxFormsOf));
  const forms = await findWordForms(tx, [...new Set(nearest)], languages);
  for (const [word, nearWords] of near) {
    for (const like of nearWords) {
      addLike(likes.get(word)!, like, likeness.near);
      for (const form of forms.get(like)?.forms ?? []) addLike(likes.get(word)!, form, likeness.near);
    }
  }
}

const canBeWidened = ({ runs, phrase, excluded }: AskedTerm) =>
  !phrase && !excluded && runs.length === 1 && !runs[0]!.isUnspaced && runs[0]!.words.length === 1;

/** Runs of unspaced words as so many words wherever they stand; undefined when there are none. */
export function takeRunsApart(asked: readonly AskedTerm[]): AskedTerm[] | undefined {
  if (!asked.some(isLongRun)) return undefined;
  return asked.flatMap((term) =>
    isLongRun(term)
      ? term.runs[0]!.words.map((word) => ({ ...term, runs: [{ words: [word], isUnspaced: true }] }))
      : [term],
  );
}

const isLongRun = ({ runs, phrase, excluded }: AskedTerm) =>
  !phrase && !excluded && runs.length === 1 && runs[0]!.isUnspaced && runs[0]!.words.length > 1;
