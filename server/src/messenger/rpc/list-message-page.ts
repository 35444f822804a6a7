import type { HandlerContext } from "@connectrpc/connect";
import type { ListMessagePageRequest, ListMessagePageResponse } from "@parley/api/internal/messenger";
import { callerOf, clampToInt, pageSize, readId } from "#messenger/input.ts";
import { messagesOf } from "#messenger/message-row.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { readMessagePage } from "#messenger/store-history.ts";
import { fault } from "#platform/errors.ts";

export function listMessagePage({ database }: MessengerParts) {
  return async (
    request: ListMessagePageRequest,
    context: HandlerContext,
  ): Promise<ListMessagePageResponse> => {
    const readerId = callerOf(context);
    const chatId = readId("chatId", request.chatId);
    const limit = pageSize(request.limit, { standard: 50, max: 1_000 });
    const cursor = clampToInt(request.before ?? Number.MAX_SAFE_INTEGER);
    const offset = clampToInt(request.offset);
    const page = await readMessagePage(database, { chatId, readerId, cursor, limit, offset });
    if (!page) throw fault("chat-not-found");
    const [oldestSeq = 0, oldestNo = 0] = page.rows.at(-1) ?? [];
    return {
      $typeName: "parley.internal.v1.ListMessagePageResponse",
      total: page.lastNo,
      messages: page.rows.map(messagesOf(chatId)),
      // Messages are numbered without gaps: before the first one there is nothing.
      ...(oldestNo > 1 ? { nextBefore: oldestSeq } : {}),
      readByOthers: page.othersReadNo,
      readByCaller: page.readNo,
    };
  };
}
