/** The stages of a search, each sought in a transaction of its own and within its time. */
import type { SoughtTerm } from "#messenger/finding/likeness.ts";
import { createStages, type Stage, type StageSearch } from "#messenger/finding/stages.ts";
import { withinTime } from "#messenger/finding/time-budget.ts";
import type { Database } from "#platform/database.ts";

export interface Sought {
  /** Undefined: the stage has nothing that the ones before it did not have. */
  terms: SoughtTerm[] | undefined;
  /** To find words spelt nearly so took too long: the query is taken for one that is not fuzzy. */
  isNarrowed: boolean;
}

/** Undefined: time ran out. */
export type SeekWithin = (stage: Stage, timeoutMs: number) => Promise<Sought | undefined>;

/** In a large vocabulary, and what was asked for itself is found at once. */
const shareOfFuzzy = 0.6;

export function createBoundedStages(database: Database, search: StageSearch): SeekWithin {
  let seekStage = createStages(search);
  let isNarrowed = false;
  const seek = (stage: Stage, timeoutMs: number): Promise<Sought | undefined> =>
    withinTime(database, timeoutMs, async (tx) => ({ terms: await seekStage(tx, stage), isNarrowed }));
  return async (stage, timeoutMs) => {
    if (!search.asked.fuzzy || isNarrowed) return await seek(stage, timeoutMs);
    const sought = await seek(stage, timeoutMs * shareOfFuzzy);
    if (sought) return sought;
    isNarrowed = true;
    seekStage = createStages({ ...search, asked: { ...search.asked, fuzzy: false } });
    return await seek(stage, timeoutMs * (1 - shareOfFuzzy));
  };
}
