/** The best matches: candidates among the newest messages that match, ranked. */
import type { SearchHit } from "@parley/api/v2/search";
import type { AskedQuery } from "#messenger/finding/asked-query.ts";
import { readHits } from "#messenger/finding/found-hits.ts";
import { newestPlace, type PlannedSearch, planSearch } from "#messenger/finding/hit-search.ts";
import type { SoughtTerm } from "#messenger/finding/likeness.ts";
import { rankingOf } from "#messenger/finding/rank.ts";
import type { Scope } from "#messenger/finding/scope.ts";
import { createStages, type SeekStage, type Stage, stages } from "#messenger/finding/stages.ts";
import { type TimeBudget, withinTime } from "#messenger/finding/time-budget.ts";
import type { WordFrequencies } from "#messenger/finding/word-frequencies.ts";
import { type Candidate, findCandidates, type Plan } from "#messenger/store-finding-messages.ts";
import type { Database, Queryable } from "#platform/database.ts";

export interface BestSearch {
  readerId: string;
  asked: AskedQuery;
  scope: Scope;
  frequencies: WordFrequencies;
  limit: number;
  budget: TimeBudget;
}

export interface BestHits {
  /** The best first. */
  hits: SearchHit[];
  partial: boolean;
}

const maxCandidates = 500;
/** A walk over the newest messages ends with fewer: they are many more than are asked for. */
const maxWalkedCandidates = 200;
const maxWalked = 60_000;
/** What one plan may take of the time, so that another can still be tried. */
const shareOfFirstPlan = 0.6;
const minReadMs = 200;

interface Found extends Candidate {
  score: number;
  terms: readonly SoughtTerm[];
}

export async function findBest(database: Database, search: BestSearch): Promise<BestHits> {
  const found = new Map<string, Found>();
  const seekStage = createStages({ asked: search.asked, languages: search.scope.languages });
  let partial = false;
  for (const stage of stages) {
    if (partial || isEnough(found.size, stage, search.limit)) break;
    const before = found.size;
    const result = await runStage(database, search, (tx) => seekStage(tx, stage, before));
    partial = result.partial;
    for (const hit of result.found) {
      const key = `${hit.chatId} ${hit.seq}`;
      if (!found.has(key)) found.set(key, hit);
    }
  }
  const best = [...found.values()].sort((a, b) => b.score - a.score || b.createdAtMs - a.createdAtMs);
  const hits = await readBest(database, search, best.slice(0, search.limit));
  return { hits: hits ?? [], partial: partial || hits === undefined };
}

/** What is less like what was asked for is looked for only as long as there is nothing else. */
const isEnough = (count: number, stage: Stage, limit: number) => count >= (stage <= 1 ? limit : 1);

async function runStage(
  database: Database,
  search: BestSearch,
  seek: (tx: Queryable) => ReturnType<SeekStage>,
) {
  const sought = await withinTime(database, search.budget.remainingMs(), async (tx) => ({
    terms: await seek(tx),
  }));
  if (!sought) return { found: [], partial: true };
  if (!sought.terms) return { found: [], partial: false };
  return await findStage(database, search, sought.terms);
}

async function findStage(database: Database, search: BestSearch, terms: SoughtTerm[]) {
  const { limit, budget } = search;
  const planned = planSearch({ ...search, limit: walkedCandidates(limit) }, terms);
  const ranking = rankingOf(terms);
  const plans = plansInTurn(planned);
  let candidates: Candidate[] = [];
  let partial = true;
  for (const [index, plan] of plans.entries()) {
    const isLast = index === plans.length - 1;
    const timeoutMs = budget.remainingMs() * (isLast ? 1 : shareOfFirstPlan);
    const isWalk = plan === "newest";
    const walk = { limit: walkedCandidates(limit), maxRead: maxWalked };
    const hits = await withinTime(database, timeoutMs, (tx) =>
      findCandidates(
        tx,
        plan,
        {
          ...planned.hits,
          before: newestPlace(search.asked),
          ...(isWalk ? walk : { limit: maxCandidates, maxRead: 0 }),
        },
        ranking.conditions,
      ),
    );
    if (hits) candidates = hits;
    const isWhole = !isWalk || search.frequencies.messageCount < maxWalked || candidates.length >= limit;
    partial = !(hits && isWhole);
    if (!partial) break;
  }
  return {
    found: candidates.map((candidate): Found => ({ ...candidate, terms, score: ranking.score(candidate) })),
    partial,
  };
}

const walkedCandidates = (limit: number) => Math.max(limit, Math.min(limit * 5, maxWalkedCandidates));

/** The one that promises most, and another for when it does not keep it. */
function plansInTurn({ chosen: { plan, costMs } }: PlannedSearch): Plan[] {
  if (plan !== "newest") return [plan, "newest"];
  const others: Plan[] = ["selective", "crossed", "own-chats"];
  return [plan, others.reduce((best, other) => (costMs[other] < costMs[best] ? other : best))];
}

async function readBest(
  database: Database,
  { readerId, asked, budget }: BestSearch,
  best: readonly Found[],
): Promise<SearchHit[] | undefined> {
  return await withinTime(database, Math.max(budget.remainingMs(), minReadMs), async (tx) => {
    const hits = new Map<Found, SearchHit>();
    for (const terms of new Set(best.map((found) => found.terms))) {
      const places = best.filter((found) => found.terms === terms);
      for (const { hit, place } of await readHits(tx, { readerId, asked, terms }, places)) {
        hits.set(places[place]!, { ...hit, score: places[place]!.score });
      }
    }
    return best.flatMap((found) => hits.get(found) ?? []);
  });
}
