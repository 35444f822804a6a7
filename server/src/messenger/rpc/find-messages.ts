import type { FindMessagesRequest, FindMessagesResponse } from "@parley/api/internal/messenger";
import { readQuery } from "#messenger/finding/asked-query.ts";
import { findBest } from "#messenger/finding/find-best.ts";
import { scopeOf } from "#messenger/finding/scope.ts";
import { startBudget } from "#messenger/finding/time-budget.ts";
import { pageSize, readId } from "#messenger/input.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { listReadableChats } from "#messenger/store-finding.ts";

const bestLimits = { standard: 20, max: 200 };
const standardBudgetMs = 2_000;
const maxBudgetMs = 30_000;

export function findMessages({ searchDatabase: database }: MessengerParts) {
  return async (request: FindMessagesRequest): Promise<FindMessagesResponse> => {
    const readerId = readId("userId", request.userId);
    const asked = readQuery(request.query);
    const budget = startBudget(Math.min(request.budgetMs || standardBudgetMs, maxBudgetMs));
    const scope = scopeOf(await listReadableChats(database, readerId), asked.chats);
    const answer = { $typeName: "parley.internal.v1.FindMessagesResponse" } as const;
    if (scope.chatIds.length === 0) return { ...answer, hits: [], messageIds: [], partial: false };
    const limit = pageSize(request.limit, bestLimits);
    const { hits, partial } = await findBest(database, { readerId, asked, scope, limit, budget });
    return { ...answer, hits, messageIds: [], partial };
  };
}
