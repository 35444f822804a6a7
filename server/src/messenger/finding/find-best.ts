/** The best matches: candidates among the newest messages that match, ranked. */
import type { SearchHit } from "@parley/api/v2/search";
import type { AskedQuery } from "#messenger/finding/asked-query.ts";
import { readHits } from "#messenger/finding/found-hits.ts";
import { conditionOf, newestPlace, oldestMs } from "#messenger/finding/hit-search.ts";
import { rankingOf } from "#messenger/finding/rank.ts";
import type { Scope } from "#messenger/finding/scope.ts";
import { seekTerms } from "#messenger/finding/sought-terms.ts";
import { type TimeBudget, withinTime } from "#messenger/finding/time-budget.ts";
import { findCandidates } from "#messenger/store-finding-messages.ts";
import type { Database } from "#platform/database.ts";

export interface BestSearch {
  readerId: string;
  asked: AskedQuery;
  scope: Scope;
  limit: number;
  budget: TimeBudget;
}

export interface BestHits {
  hits: SearchHit[];
  partial: boolean;
}

const maxCandidates = 1_000;

export async function findBest(database: Database, search: BestSearch): Promise<BestHits> {
  const { readerId, asked, scope, limit, budget } = search;
  const found = await withinTime(database, budget.remainingMs(), async (tx) => {
    const terms = await seekTerms(tx, asked.terms, scope.languages);
    const ranking = rankingOf(terms);
    const candidates = await findCandidates(
      tx,
      "own-chats",
      {
        condition: conditionOf(asked, terms),
        indexCondition: undefined,
        chatIds: scope.chatIds,
        senderIds: asked.senderIds,
        before: newestPlace(asked),
        notBeforeMs: oldestMs(asked),
        limit: maxCandidates,
        maxRead: 0,
      },
      ranking.conditions,
    );
    const best = candidates
      .map((candidate) => ({ ...candidate, score: ranking.score(candidate) }))
      .sort((a, b) => b.score - a.score)
      .slice(0, limit);
    const hits = await readHits(tx, { readerId, asked, terms }, best);
    return hits.map(({ hit, place }) => ({ ...hit, score: best[place]!.score }));
  });
  return { hits: found ?? [], partial: found === undefined };
}
