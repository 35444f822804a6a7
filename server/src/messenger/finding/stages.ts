/** What is searched for one after another: first what was asked for, then, when little was found, what is like it. */
import type { AskedQuery } from "#messenger/finding/asked-query.ts";
import type { SoughtTerm } from "#messenger/finding/likeness.ts";
import { seekTerms } from "#messenger/finding/sought-terms.ts";
import { addMisspelt, takeRunsApart, widenTerms } from "#messenger/finding/widen-terms.ts";
import type { Queryable } from "#platform/database.ts";

/**
 * 0: the words in all their forms; of a fuzzy query also words spelt nearly so. 1: also words that they are a part of, or that are one letter off. 2 and 3: as
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
export type SeekStage = (
  tx: Queryable,
  stage: Stage,
  foundBefore?: number,
) => Promise<SoughtTerm[] | undefined>;

/** What the first stage has found out is not asked for again. */
export function createStages({ asked: { terms, fuzzy }, languages }: StageSearch): SeekStage {
  let asAsked: SoughtTerm[] | undefined;
  const seek = async (tx: Queryable) => {
    const sought = await seekTerms(tx, terms, languages);
    return fuzzy ? await addMisspelt(tx, sought, { asked: terms, languages }) : sought;
  };
  return async (tx, stage, foundBefore = 0) => {
    if (stage === lastStage) {
      const apart = takeRunsApart(terms);
      return apart && (await seekTerms(tx, apart, languages));
    }
    asAsked ??= await seek(tx);
    if (stage === 0) return asAsked;
    const wrong = foundBefore < few ? Math.min(stage, mostWrong) : 0;
    const minWrongLength = foundBefore > 0 ? minDoubtfulLength : 0;
    const wider = await widenTerms(tx, asAsked, { asked: terms, languages, wrong, minWrongLength });
    const known = asAsked;
    return wider.some((term, index) => term !== known[index]) ? wider : undefined;
  };
}
