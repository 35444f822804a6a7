/** Chats, and who is in them under which name. */
import type { DialectParts, DialectRoute } from "#gateway/dialects/dialect.ts";
import { chatIdOf, requiredName } from "#gateway/dialects/messenger-v1/input.ts";
import { fault } from "#platform/errors.ts";

export function chatRoutes({ clients, optionsFor }: DialectParts): DialectRoute[] {
  const { messengerInternal } = clients;
  const createChat: DialectRoute = {
    method: "POST",
    template: "/v1/chats",
    access: "required",
    rate: "messenger-v1",
    successor: "/v2/chats",
    async serve({ json, context }) {
      const title = requiredName(json(), "chat_name");
      const { chat } = await messengerInternal.createOpenChat({ title }, optionsFor(context));
      if (!chat) throw fault("internal", { cause: new Error("the messenger answered no chat") });
      return { status: 201, body: { chat_id: chat.id } };
    },
  };
  const join: DialectRoute = {
    method: "POST",
    template: "/v1/chats/{chat_id}/users",
    access: "required",
    rate: "messenger-v1",
    successor: "/v2/chats/{chatId}/members",
    async serve({ json, path, context, caller }) {
      const chatId = chatIdOf(path);
      const displayName = requiredName(json(), "user_name");
      await messengerInternal.joinChat({ chatId, displayName }, optionsFor(context));
      return { status: 201, body: { user_id: caller.userId } };
    },
  };
  return [createChat, join];
}
