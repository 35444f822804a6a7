import type { HandlerContext } from "@connectrpc/connect";
import type { UpdateChatRequest, UpdateChatResponse } from "@parley/api/v2/messenger";
import { changeChat } from "#messenger/change-chat.ts";
import { toChat } from "#messenger/chat-row.ts";
import { callerOf, readId, requireNoProblem, textProblem } from "#messenger/input.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { requireCanManage } from "#messenger/rules.ts";
import { findChat } from "#messenger/store-chats.ts";
import { fault, invalidInput } from "#platform/errors.ts";

export function updateChat(parts: MessengerParts) {
  return async (request: UpdateChatRequest, context: HandlerContext): Promise<UpdateChatResponse> => {
    const callerId = callerOf(context);
    const chatId = readId("chatId", request.chatId);
    const { title = "" } = request;
    if (title.trim() === "") throw invalidInput("title", "must not be empty");
    requireNoProblem("title", textProblem(title));
    await changeChat(parts, { chatId, callerId }, async (_tx, chat) => {
      requireCanManage(chat);
      if (chat.title === title) return { events: [] };
      return { events: [{ kind: "chat" }], title, isActivity: true };
    });
    const row = await findChat(parts.database, callerId, chatId);
    if (!row) throw fault("chat-not-found");
    return { $typeName: "parley.v2.UpdateChatResponse", chat: toChat(row) };
  };
}
