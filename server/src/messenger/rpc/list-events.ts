import type { HandlerContext } from "@connectrpc/connect";
import type { ListEventsRequest, ListEventsResponse } from "@parley/api/v2/messenger";
import { toEvent } from "#messenger/event-row.ts";
import { callerOf, clampToInt, pageSize, readId } from "#messenger/input.ts";
import { messagesOf } from "#messenger/message-row.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { readEvents } from "#messenger/store-history.ts";
import { fault } from "#platform/errors.ts";

export function listEvents({ database }: MessengerParts) {
  return async (request: ListEventsRequest, context: HandlerContext): Promise<ListEventsResponse> => {
    const readerId = callerOf(context);
    const chatId = readId("chatId", request.chatId);
    const limit = pageSize(request.limit, { standard: 100, max: 1_000 });
    const afterSeq = clampToInt(request.after);
    const throughSeq = clampToInt(afterSeq + limit);
    const page = await readEvents(database, { chatId, readerId, afterSeq, throughSeq });
    if (!page) throw fault("chat-not-found");
    const { chatKind, title, processor, language } = page;
    const chat = { chatId, chatKind, title, processor, language };
    const toMessage = messagesOf(chatId);
    return {
      $typeName: "parley.v2.ListEventsResponse",
      events: page.events.map(({ logged, messageRow }) =>
        toEvent(logged, { ...chat, message: messageRow && toMessage(messageRow) }),
      ),
      lastSeq: page.lastSeq,
    };
  };
}
