import type { HandlerContext } from "@connectrpc/connect";
import type { CreateOpenChatRequest, CreateOpenChatResponse } from "@parley/api/internal/messenger";
import { beginChat, newChatId } from "#messenger/begin-chat.ts";
import { callerOf, nameProblem, requireNoProblem } from "#messenger/input.ts";
import type { MessengerParts } from "#messenger/parts.ts";

const maxTitleLength = 200;

/** A group like any other, but for who may join it. */
export function createOpenChat(parts: MessengerParts) {
  return async (
    { title }: CreateOpenChatRequest,
    context: HandlerContext,
  ): Promise<CreateOpenChatResponse> => {
    const callerId = callerOf(context);
    requireNoProblem("title", nameProblem(title, maxTitleLength));
    const chat = await beginChat(parts, {
      chatId: newChatId(),
      kind: "group",
      title,
      createdBy: callerId,
      members: [{ userId: callerId, role: "owner" }],
      processor: "",
      mayPay: false,
      language: "",
      isOpen: true,
    });
    return { $typeName: "parley.internal.v1.CreateOpenChatResponse", chat };
  };
}
