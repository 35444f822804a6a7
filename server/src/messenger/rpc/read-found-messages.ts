import type { ReadFoundMessagesRequest, ReadFoundMessagesResponse } from "@parley/api/internal/messenger";
import type { SearchHit } from "@parley/api/v2/search";
import { type AskedQuery, readQuery } from "#messenger/finding/asked-query.ts";
import { createBoundedStages } from "#messenger/finding/bounded-stages.ts";
import { readHits } from "#messenger/finding/found-hits.ts";
import { readScope, type Scope } from "#messenger/finding/scope.ts";
import type { Stage } from "#messenger/finding/stages.ts";
import { withinTime } from "#messenger/finding/time-budget.ts";
import { readId } from "#messenger/input.ts";
import { type MessagePlace, placeOfMessageId } from "#messenger/message-id.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import type { Database } from "#platform/database.ts";
import { fault, invalidInput } from "#platform/errors.ts";

const maxIds = 200;
const timeoutMs = 5_000;
/** Each finds what the ones before it do, and more; nobody says by which of them a message was found. */
const stages: readonly Stage[] = [0, 3, 4];

export function readFoundMessages(parts: MessengerParts) {
  const { searchDatabase: database } = parts;
  return async (request: ReadFoundMessagesRequest): Promise<ReadFoundMessagesResponse> => {
    const readerId = readId("userId", request.userId);
    const asked = readQuery(request.query);
    if (request.messageIds.length > maxIds) {
      throw invalidInput("messageIds", `must hold at most ${maxIds} items`);
    }
    const scope = await readScope(parts, readerId, asked.chats);
    const chatIds = new Set(scope.chatIds);
    const places = request.messageIds
      .map(placeOfMessageId)
      .filter((place) => place !== undefined)
      .filter((place) => chatIds.has(place.chatId));
    const hits = await readStages(database, { readerId, asked, scope }, places);
    return { $typeName: "parley.internal.v1.ReadFoundMessagesResponse", hits };
  };
}

async function readStages(
  database: Database,
  { readerId, asked, scope }: { readerId: string; asked: AskedQuery; scope: Scope },
  places: readonly MessagePlace[],
): Promise<SearchHit[]> {
  const found = new Map<MessagePlace, SearchHit>();
  const seek = createBoundedStages(database, { asked, languages: scope.languages });
  for (const stage of stages) {
    const missing = places.filter((place) => !found.has(place));
    if (missing.length === 0) break;
    const sought = await seek(stage, timeoutMs);
    if (!sought) throw fault("timeout");
    const { terms } = sought;
    if (!terms) continue;
    const read = await withinTime(database, timeoutMs, (tx) =>
      readHits(tx, { readerId, asked, terms }, missing),
    );
    if (!read) throw fault("timeout");
    for (const { hit, place } of read) found.set(missing[place]!, hit);
  }
  return places.flatMap((place) => found.get(place) ?? []);
}
