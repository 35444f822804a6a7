import type { HandlerContext } from "@connectrpc/connect";
import type { ListMessagesRequest, ListMessagesResponse } from "@parley/api/v2/messenger";
import { callerOf, clampToInt, pageSize, readId } from "#messenger/input.ts";
import { messagesOf } from "#messenger/message-row.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { type HistoryPage, readHistory } from "#messenger/store-history.ts";
import { fault, invalidInput } from "#platform/errors.ts";

const pastTheNewest = clampToInt(Number.MAX_SAFE_INTEGER);

export function listMessages({ database }: MessengerParts) {
  return async (request: ListMessagesRequest, context: HandlerContext): Promise<ListMessagesResponse> => {
    const readerId = callerOf(context);
    const chatId = readId("chatId", request.chatId);
    const { before, after } = request;
    if (before !== undefined && after !== undefined) {
      throw invalidInput("before", "must not be given together with after");
    }
    const limit = pageSize(request.limit, { standard: 50, max: 200 });
    const direction = after === undefined ? "before" : "after";
    const cursor = clampToInt(after ?? before ?? pastTheNewest);
    const page = await readHistory(database, direction, { chatId, readerId, cursor, limit });
    if (!page) throw fault("chat-not-found");
    return {
      $typeName: "parley.v2.ListMessagesResponse",
      messages: page.rows.map(messagesOf(chatId)),
      ...neighbours(page, direction, cursor),
    };
  };
}

/**
 * Messages are numbered without gaps, so the first and last number of a page tell whether there are others before
 * and after it.
 */
function neighbours({ rows, lastNo }: HistoryPage, direction: "before" | "after", cursor: number) {
  if (lastNo === 0) return {};
  const first = rows[0];
  const last = rows.at(-1);
  if (!first || !last) {
    // The cursor is past an end: everything there is lies in the other direction.
    return direction === "before" ? { nextAfter: Math.max(cursor - 1, 0) } : { nextBefore: cursor + 1 };
  }
  return {
    ...(first[1] > 1 ? { nextBefore: first[0] } : {}),
    ...(last[1] < lastNo ? { nextAfter: last[0] } : {}),
  };
}
