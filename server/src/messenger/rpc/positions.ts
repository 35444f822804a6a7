/** What the gateway asks about its own users: where their chats stand, and whom they know. */
import type {
  FilterAcquaintancesRequest,
  FilterAcquaintancesResponse,
  ListPositionsRequest,
  ListPositionsResponse,
} from "@parley/api/internal/messenger";
import { readId, readIds } from "#messenger/input.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import * as chats from "#messenger/store-chats.ts";
import * as members from "#messenger/store-members.ts";

const maxCandidates = 1_000;

export function listPositions({ database }: MessengerParts) {
  return async (request: ListPositionsRequest): Promise<ListPositionsResponse> => {
    const rows = await chats.listPositions(database, readId("userId", request.userId));
    return {
      $typeName: "parley.internal.v1.ListPositionsResponse",
      positions: rows.map(([chatId, lastSeq]) => ({
        $typeName: "parley.internal.v1.Position",
        chatId,
        lastSeq,
      })),
    };
  };
}

export function filterAcquaintances({ database }: MessengerParts) {
  return async (request: FilterAcquaintancesRequest): Promise<FilterAcquaintancesResponse> => {
    const userId = readId("userId", request.userId);
    const candidateIds = readIds("candidateIds", request.candidateIds, maxCandidates);
    return {
      $typeName: "parley.internal.v1.FilterAcquaintancesResponse",
      userIds: await members.filterAcquaintances(database, userId, candidateIds),
    };
  };
}
