/** Chats, and who is in them under which name. */
import { callOptions } from "#gateway/call-options.ts";
import type { DialectParts, DialectRoute } from "#gateway/dialects/dialect.ts";
import { chatIdOf, requiredName } from "#gateway/dialects/messenger-v1/input.ts";
import { fault } from "#platform/errors.ts";

export function chatRoutes({ clients, config }: DialectParts): DialectRoute[] {
  const { messengerInternal } = clients;
  const timeoutMs = config.PARLEY_CALL_TIMEOUT_MS;
  const createChat: DialectRoute = {
    method: "POST",
    path: "/v1/chats",
    template: "/v1/chats",
    access: "required",
    rate: "messenger-v1",
    successor: "/v2/chats",
    async serve({ json, context }) {
      const title = requiredName(json(), "chat_name");
      const { chat } = await messengerInternal.createOpenChat(
        { title },
        callOptions({ ...context, timeoutMs }),
      );
      if (!chat) throw fault("internal", { cause: new Error("the messenger answered no chat") });
      return { status: 201, body: { chat_id: chat.id } };
    },
  };
  const join: DialectRoute = {
    method: "POST",
    path: "/v1/chats/:chatId/users",
    template: "/v1/chats/{chat_id}/users",
    access: "required",
    rate: "messenger-v1",
    successor: "/v2/chats/{chatId}/members",
    async serve({ json, path, context, caller }) {
      const chatId = chatIdOf(path);
      const displayName = requiredName(json(), "user_name");
      await messengerInternal.joinChat({ chatId, displayName }, callOptions({ ...context, timeoutMs }));
      return { status: 201, body: { user_id: caller.userId } };
    },
  };
  return [createChat, join];
}
