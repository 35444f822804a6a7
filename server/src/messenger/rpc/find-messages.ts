import {
  type FindMessagesRequest,
  type FindMessagesResponse,
  FindOrder,
} from "@parley/api/internal/messenger";
import { readQuery } from "#messenger/finding/asked-query.ts";
import { findBest } from "#messenger/finding/find-best.ts";
import { findNewest } from "#messenger/finding/find-newest.ts";
import { decodePosition } from "#messenger/finding/newest-cursor.ts";
import { readScope } from "#messenger/finding/scope.ts";
import { startBudget } from "#messenger/finding/time-budget.ts";
import { createWordFrequencies } from "#messenger/finding/word-frequencies.ts";
import { pageSize, readId } from "#messenger/input.ts";
import { messageIdsOf } from "#messenger/message-id.ts";
import type { MessengerParts } from "#messenger/parts.ts";

const bestLimits = { standard: 20, max: 200 };
const newestLimits = { standard: 200, max: 5_000 };
const standardBudgetMs = 2_000;
const maxBudgetMs = 30_000;
const $typeName = "parley.internal.v1.FindMessagesResponse";
const nothing = { $typeName, hits: [], messageIds: [], partial: false } as const;

export function findMessages(parts: MessengerParts) {
  const { searchDatabase: database } = parts;
  const readFrequencies = createWordFrequencies();
  return async (request: FindMessagesRequest): Promise<FindMessagesResponse> => {
    const readerId = readId("userId", request.userId);
    const asked = readQuery(request.query);
    const isNewest = request.order === FindOrder.NEWEST;
    const limit = pageSize(request.limit, isNewest ? newestLimits : bestLimits);
    const position = isNewest && request.cursor !== "" ? decodePosition(request.cursor) : undefined;
    const budget = startBudget(Math.min(request.budgetMs || standardBudgetMs, maxBudgetMs));
    const scope = await readScope(parts, readerId, asked.chats);
    if (scope.chatIds.length === 0) return { ...nothing, hits: [], messageIds: [] };
    const frequencies = await readFrequencies(database);
    const search = { readerId, asked, scope, frequencies, limit, budget };
    if (!isNewest) return { ...nothing, messageIds: [], ...(await findBest(database, search)) };
    const { hits, partial, nextCursor } = await findNewest(database, { ...search, position });
    return {
      $typeName,
      hits: [],
      messageIds: hits.map(({ chatId, seq }) => messageIdsOf(chatId)(seq)),
      partial,
      ...(nextCursor === undefined ? {} : { nextCursor }),
    };
  };
}
