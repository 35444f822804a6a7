/** All messages that match, the newest first, page by page. */
import type { AskedQuery } from "#messenger/finding/asked-query.ts";
import { createBoundedStages, type SeekWithin } from "#messenger/finding/bounded-stages.ts";
import { newestPlace, type PlannedSearch, planSearch } from "#messenger/finding/hit-search.ts";
import type { SoughtTerm } from "#messenger/finding/likeness.ts";
import { encodePosition, type NewestPosition } from "#messenger/finding/newest-cursor.ts";
import type { Scope } from "#messenger/finding/scope.ts";
import { lastStage, type Stage } from "#messenger/finding/stages.ts";
import { type TimeBudget, withinTime } from "#messenger/finding/time-budget.ts";
import type { WordFrequencies } from "#messenger/finding/word-frequencies.ts";
import { findHits, type HitPlace, walkHits } from "#messenger/store-finding-messages.ts";
import type { Database } from "#platform/database.ts";

export interface NewestSearch {
  asked: AskedQuery;
  scope: Scope;
  frequencies: WordFrequencies;
  limit: number;
  /** Undefined: from the newest on. */
  position: NewestPosition | undefined;
  budget: TimeBudget;
}

export interface NewestHits {
  hits: HitPlace[];
  partial: boolean;
  nextCursor: string | undefined;
}

/** Messages that one step of a walk looks at. */
const firstStep = 2_000;
const longestStep = 40_000;
/** However little time there is, one step is made, so that a search always comes to an end. */
const minStepMs = 500;
const shareOfFirstPlan = 0.6;

export async function findNewest(database: Database, search: NewestSearch): Promise<NewestHits> {
  const start = newestPlace(search.asked);
  let position: NewestPosition | undefined = search.position ?? { stage: 0, hasFound: false, before: start };
  const seek = createBoundedStages(database, { asked: search.asked, languages: search.scope.languages });
  const hits: HitPlace[] = [];
  let isOutOfTime = false;
  let isNarrowed = false;
  while (position && hits.length < search.limit && !isOutOfTime) {
    const page = await findPage(database, { ...search, limit: search.limit - hits.length }, position, seek);
    hits.push(...page.hits);
    isNarrowed ||= page.isNarrowed;
    isOutOfTime = page.isOutOfTime || search.budget.remainingMs() === 0;
    position = nextPosition(position, page, start);
  }
  return {
    hits,
    partial: isNarrowed || (position !== undefined && isOutOfTime && hits.length < search.limit),
    nextCursor: position && encodePosition(position),
  };
}

interface Reached {
  hits: HitPlace[];
  /** Everything after this has been looked at; undefined: everything there is. */
  reached: HitPlace | undefined;
  isOutOfTime: boolean;
}

interface Page extends Reached {
  isNarrowed: boolean;
}

/** Undefined: there is nothing more to look at. A stage that found something is the last. */
function nextPosition(
  { stage, hasFound }: NewestPosition,
  { hits, reached }: Page,
  start: HitPlace,
): NewestPosition | undefined {
  const hasFoundNow = hasFound || hits.length > 0;
  if (reached) return { stage, hasFound: hasFoundNow, before: reached };
  if (hasFoundNow || stage === lastStage) return undefined;
  return { stage: (stage + 1) as Stage, hasFound: false, before: start };
}

async function findPage(
  database: Database,
  search: NewestSearch,
  { stage, before }: NewestPosition,
  seek: SeekWithin,
): Promise<Page> {
  const sought = await seek(stage, Math.max(search.budget.remainingMs(), minStepMs));
  if (!sought) return { hits: [], reached: before, isOutOfTime: true, isNarrowed: false };
  const { terms, isNarrowed } = sought;
  if (!terms) return { hits: [], reached: undefined, isOutOfTime: false, isNarrowed };
  return { ...(await findSought(database, search, terms, before)), isNarrowed };
}

async function findSought(
  database: Database,
  search: NewestSearch,
  terms: readonly SoughtTerm[],
  before: HitPlace,
): Promise<Reached> {
  const { budget, limit } = search;
  const planned = planSearch(search, terms);
  const { plan } = planned.chosen;
  if (plan !== "newest") {
    const hits = await withinTime(database, budget.remainingMs() * shareOfFirstPlan, (tx) =>
      findHits(tx, plan, { ...planned.hits, before, limit, maxRead: 0 }),
    );
    if (hits) return { hits, reached: hits.length < limit ? undefined : hits.at(-1), isOutOfTime: false };
  }
  return await walk(database, { planned, budget, before, limit });
}

/** Step by step, each twice as long as the one before unless it took too long. */
async function walk(
  database: Database,
  search: { planned: PlannedSearch; budget: TimeBudget; before: HitPlace; limit: number },
): Promise<Reached> {
  const { planned, budget, limit } = search;
  const hits: HitPlace[] = [];
  let before = search.before;
  for (let step = firstStep, isFirst = true; ; step = Math.min(step * 2, longestStep), isFirst = false) {
    const wanted = limit - hits.length;
    const timeoutMs = isFirst ? Math.max(budget.remainingMs(), minStepMs) : budget.remainingMs();
    const walked = await withinTime(database, timeoutMs, (tx) =>
      walkHits(tx, { ...planned.hits, before, limit: wanted, maxRead: step }),
    );
    if (!walked) return { hits, reached: before, isOutOfTime: true };
    hits.push(...walked.hits);
    if (walked.hits.length === wanted) return { hits, reached: hits.at(-1), isOutOfTime: false };
    if (!walked.reached) return { hits, reached: undefined, isOutOfTime: false };
    before = walked.reached;
  }
}
