import type { HandlerContext } from "@connectrpc/connect";
import type { ListChatPageRequest, ListChatPageResponse } from "@parley/api/internal/messenger";
import { toChat } from "#messenger/chat-row.ts";
import { callerOf, clampToInt, pageSize } from "#messenger/input.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { countChatsOf, listChatsAt } from "#messenger/store-chats.ts";

const maxMembers = 100;

export function listChatPage({ database }: MessengerParts) {
  return async (request: ListChatPageRequest, context: HandlerContext): Promise<ListChatPageResponse> => {
    const userId = callerOf(context);
    const limit = pageSize(request.limit, { standard: 50, max: 200 });
    const offset = clampToInt(request.offset);
    const [total, page] = await Promise.all([
      countChatsOf(database, userId),
      listChatsAt(database, { userId, offset, limit, maxMembers }),
    ]);
    const chats = page.map(
      ({ row, memberIds }) =>
        ({ $typeName: "parley.internal.v1.ChatOfMembers", chat: toChat(row), memberIds }) as const,
    );
    return { $typeName: "parley.internal.v1.ListChatPageResponse", total, chats };
  };
}
