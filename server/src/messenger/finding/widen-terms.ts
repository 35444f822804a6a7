/** What is only like the terms: words that they are a part of, words spelt nearly the same. */
import type { AskedTerm } from "#messenger/finding/asked-query.ts";
import { isHangul } from "#messenger/finding/hangul.ts";
import { addLike, likeness, type SoughtTerm } from "#messenger/finding/likeness.ts";
import {
  findNearWords,
  type MisspeltWord,
  mostWrong,
  mostWrongWhenFuzzy,
} from "#messenger/finding/near-words.ts";
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
/** Of each word. */
const maxNearWords = 30;
/** With more words than that, a fuzzy query allows each no more letters wrong than any other. */
const maxFuzzyAsked = 6;
/** Of all words of a fuzzy query together: each is one more to look up in the index. */
const maxFuzzyWords = 400;

/** Terms of one word each; phrases and what must not be there stay as they are. `terms` are those of `asked`. */
export async function widenTerms(
  tx: Queryable,
  terms: readonly SoughtTerm[],
  { asked, languages, wrong, minWrongLength }: Widening,
): Promise<SoughtTerm[]> {
  const likes = likesOf(asked);
  if (likes.size === 0) return [...terms];
  for (const [word, containing] of await findContaining(tx, [...likes.keys()].filter(canBePart))) {
    addLike(likes.get(word)!, containing, likeness.part);
  }
  if (wrong > 0) {
    const long = [...likes.keys()].filter((word) => word.length >= minWrongLength);
    const misspelt = misspeltWords(long, (length) => Math.min(wrong, mostWrong(length)));
    await addNear(tx, likes, { misspelt, maxWords: maxNearWords, languages });
  }
  return withLikes(terms, asked, likes);
}

/** As far as a fuzzy query goes, of the same terms. */
export async function addMisspelt(
  tx: Queryable,
  terms: readonly SoughtTerm[],
  { asked, languages }: Pick<Widening, "asked" | "languages">,
): Promise<SoughtTerm[]> {
  const likes = likesOf(asked);
  const isLong = likes.size > maxFuzzyAsked;
  const misspelt = misspeltWords([...likes.keys()], isLong ? mostWrong : mostWrongWhenFuzzy);
  if (misspelt.length === 0) return [...terms];
  const maxWords = Math.max(maxNearWords, Math.floor(maxFuzzyWords / misspelt.length));
  await addNear(tx, likes, { misspelt, maxWords, languages });
  return withLikes(terms, asked, likes);
}

/** What is like it, and how much, is to be found out for each word that can be widened. */
type Likes = Map<string, Map<string, number>>;

const likesOf = (asked: readonly AskedTerm[]): Likes =>
  new Map(asked.filter(canBeWidened).map((term) => [wordOf(term), new Map()]));

const wordOf = (term: AskedTerm) => term.runs[0]!.words[0]!;

function withLikes(terms: readonly SoughtTerm[], asked: readonly AskedTerm[], likes: Likes): SoughtTerm[] {
  return terms.map((term, index) => {
    const slot = term.ways[0]?.[0];
    if (!canBeWidened(asked[index]!) || !slot) return term;
    const wider = new Map(slot.words);
    for (const [like, how] of likes.get(wordOf(asked[index]!))!) addLike(wider, like, how);
    return { ...term, ways: [[{ ...slot, words: wider }]] };
  });
}

function canBePart(word: string): boolean {
  const { length } = [...word];
  return length >= (isHangul(word) ? minHangulPartLength : minPartLength) && length <= maxPartLength;
}

/** Words of letters that may be misspelt, each with how many of its letters may be wrong. */
const misspeltWords = (words: readonly string[], wrongOf: (length: number) => number): MisspeltWord[] =>
  words
    .filter((word) => /^[\p{L}\p{M}]+$/u.test(word) && word.length <= maxPartLength)
    .map((word) => ({ word, wrong: wrongOf([...word].length) }))
    .filter(({ wrong }) => wrong > 0);

/** Near words, and the nearest ones in all of their forms. */
async function addNear(
  tx: Queryable,
  likes: Likes,
  {
    misspelt,
    maxWords,
    languages,
  }: { misspelt: MisspeltWord[]; maxWords: number; languages: readonly string[] },
): Promise<void> {
  const near = await findNearWords(tx, misspelt, maxWords);
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
