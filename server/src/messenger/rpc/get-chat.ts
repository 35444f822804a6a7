import type { HandlerContext } from "@connectrpc/connect";
import type { GetChatRequest, GetChatResponse } from "@parley/api/v2/messenger";
import { toChat } from "#messenger/chat-row.ts";
import { callerOf, readId } from "#messenger/input.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { findChat } from "#messenger/store-chats.ts";
import { fault } from "#platform/errors.ts";

export function getChat({ database }: MessengerParts) {
  return async (request: GetChatRequest, context: HandlerContext): Promise<GetChatResponse> => {
    const row = await findChat(database, callerOf(context), readId("chatId", request.chatId));
    if (!row) throw fault("chat-not-found");
    return { $typeName: "parley.v2.GetChatResponse", chat: toChat(row) };
  };
}
