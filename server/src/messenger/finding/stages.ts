/** What is searched for one after another: first what was asked for, then, when little was found, what is like it. */
import type { AskedQuery } from "#messenger/finding/asked-query.ts";
import type { SoughtTerm } from "#messenger/finding/likeness.ts";
import { seekTerms } from "#messenger/finding/sought-terms.ts";
import { takeRunsApart, widenTerms } from "#messenger/finding/widen-terms.ts";
import type { Queryable } from "#platform/database.ts";

/**
 * 0: the words in all their forms. 1: also words that they are a part of, or that are one letter off. 2 and 3: as
 * many letters off. 4: unspaced words, wherever they stand.
 */
export type Stage = 0 | 1 | 2 | 3 | 4;

export const stages: readonly Stage[] = [0, 1, 2, 3, 4];
export const lastStage: Stage = 4;
const mostWrong = 3;
/** With fewer hits than that, words may be mistakes, if they are long enough or there are no hits at all. */
const few = 3;
const minDoubtfulLength = 6;

export interface StageSearch {
  asked: AskedQuery;
  languages: readonly string[];
}

/** Undefined: the stage has nothing that the ones before it did not have. */
export async function seekStage(
  tx: Queryable,
  { asked: { terms }, languages }: StageSearch,
  stage: Stage,
  foundBefore = 0,
): Promise<SoughtTerm[] | undefined> {
  if (stage === 0) return await seekTerms(tx, terms, languages);
  if (terms.every((term) => term.excluded)) return undefined;
  if (stage === lastStage) {
    const apart = takeRunsApart(terms);
    return apart && (await seekTerms(tx, apart, languages));
  }
  const wrong = foundBefore < few ? Math.min(stage, mostWrong) : 0;
  const minWrongLength = foundBefore > 0 ? minDoubtfulLength : 0;
  const asAsked = await seekTerms(tx, terms, languages);
  const wider = await widenTerms(tx, asAsked, { asked: terms, languages, wrong, minWrongLength });
  return wider.some((term, index) => term !== asAsked[index]) ? wider : undefined;
}
