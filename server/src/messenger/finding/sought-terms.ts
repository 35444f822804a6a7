/** From the words that were asked for to those that messages are searched for. */
import type { AskedTerm, WordRun } from "#messenger/finding/asked-query.ts";
import { isHangul, withoutParticles } from "#messenger/finding/hangul.ts";
import {
  addLike,
  likeness,
  type Slot,
  type SoughtTerm,
  slotOf,
  type Way,
} from "#messenger/finding/likeness.ts";
import { findRunWays } from "#messenger/finding/run-ways.ts";
import { findWordForms, type WordForms } from "#messenger/finding/word-forms.ts";
import type { Queryable } from "#platform/database.ts";

const maxWays = 48;

/** As they were asked for: the words, their other forms, and what begins so where that is enough. */
export async function seekTerms(
  tx: Queryable,
  terms: readonly AskedTerm[],
  languages: readonly string[],
): Promise<SoughtTerm[]> {
  const words = terms.flatMap((term) => (term.phrase ? [] : spacedWords(term)));
  const forms = await findWordForms(tx, [...new Set(words)], languages);
  const sought: SoughtTerm[] = [];
  for (const term of terms) {
    let ways: Way[] = [[]];
    for (const [index, run] of term.runs.entries()) {
      const isLast = index === term.runs.length - 1;
      ways = inSequence(ways, await waysOf(tx, run, term, isLast, forms));
    }
    sought.push({ ways, excluded: term.excluded, optional: isStopWord(term, forms) });
  }
  return withSomethingToSeek(sought);
}

const spacedWords = (term: AskedTerm) => term.runs.flatMap((run) => (run.isUnspaced ? [] : run.words));

async function waysOf(
  tx: Queryable,
  run: WordRun,
  term: AskedTerm,
  isLast: boolean,
  forms: ReadonlyMap<string, WordForms>,
): Promise<Way[]> {
  if (run.isUnspaced) return await findRunWays(tx, run.words);
  return [
    run.words.map((word, index): Slot => {
      const slot = slotOf(word);
      if (term.phrase) return slot;
      for (const form of forms.get(word)?.forms ?? []) addLike(slot.words, form, likeness.form);
      const endsTerm = isLast && index === run.words.length - 1;
      if (isHangul(word)) {
        for (const beginning of withoutParticles(word)) addLike(slot.beginnings, beginning, likeness.form);
      } else if (term.prefix && endsTerm) addLike(slot.beginnings, word, likeness.beginning);
      return slot;
    }),
  ];
}

const inSequence = (before: Way[], after: Way[]): Way[] =>
  before.flatMap((start) => after.map((end) => [...start, ...end])).slice(0, maxWays);

function isStopWord(term: AskedTerm, forms: ReadonlyMap<string, WordForms>): boolean {
  if (term.phrase || term.excluded) return false;
  return spacedWords(term).length > 0 && spacedWords(term).every((word) => forms.get(word)?.isStopWord);
}

/** Stop words are asked for after all when there is nothing else. */
function withSomethingToSeek(terms: SoughtTerm[]): SoughtTerm[] {
  if (terms.some((term) => !term.optional && !term.excluded)) return terms;
  return terms.map((term) => ({ ...term, optional: false }));
}
