import type { ReadFoundMessagesRequest, ReadFoundMessagesResponse } from "@parley/api/internal/messenger";
import { readQuery } from "#messenger/finding/asked-query.ts";
import { readHits } from "#messenger/finding/found-hits.ts";
import { scopeOf } from "#messenger/finding/scope.ts";
import { seekTerms } from "#messenger/finding/sought-terms.ts";
import { readId } from "#messenger/input.ts";
import { placeOfMessageId } from "#messenger/message-id.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { listReadableChats } from "#messenger/store-finding.ts";
import { invalidInput } from "#platform/errors.ts";

const maxIds = 200;

export function readFoundMessages({ searchDatabase: database }: MessengerParts) {
  return async (request: ReadFoundMessagesRequest): Promise<ReadFoundMessagesResponse> => {
    const readerId = readId("userId", request.userId);
    const asked = readQuery(request.query);
    if (request.messageIds.length > maxIds)
      throw invalidInput("messageIds", `must hold at most ${maxIds} items`);
    const scope = scopeOf(await listReadableChats(database, readerId), asked.chats);
    const inScope = new Set(scope.chatIds);
    const places = request.messageIds
      .map(placeOfMessageId)
      .filter((place) => place !== undefined && inScope.has(place.chatId)) as Array<{
      chatId: string;
      seq: number;
    }>;
    const terms = await seekTerms(database, asked.terms, scope.languages);
    const hits = await readHits(database, { readerId, asked, terms }, places);
    return { $typeName: "parley.internal.v1.ReadFoundMessagesResponse", hits: hits.map(({ hit }) => hit) };
  };
}
