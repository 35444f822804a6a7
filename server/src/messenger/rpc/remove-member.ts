import type { HandlerContext } from "@connectrpc/connect";
import type { RemoveMemberRequest, RemoveMemberResponse } from "@parley/api/v2/messenger";
import { changeChat } from "#messenger/change-chat.ts";
import { callerOf, readId } from "#messenger/input.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { requireCanRemove } from "#messenger/rules.ts";
import { removeMember as deleteMember, findRole } from "#messenger/store-members.ts";
import { fault } from "#platform/errors.ts";

export function removeMember(parts: MessengerParts) {
  return async (request: RemoveMemberRequest, context: HandlerContext): Promise<RemoveMemberResponse> => {
    const callerId = callerOf(context);
    const chatId = readId("chatId", request.chatId);
    const userId = readId("userId", request.userId);
    const isCaller = userId === callerId;
    await changeChat(parts, { chatId, callerId }, async (tx, chat) => {
      const role = isCaller ? chat.role : await findRole(tx, chatId, userId);
      requireCanRemove(chat, { role: role ?? "member", isCaller });
      if (!role) throw fault("member-not-found");
      // The last one may leave a chat without an owner: nobody is left to need one.
      if (isCaller && role === "owner" && chat.memberCount > 1) throw fault("owner-required");
      await deleteMember(tx, chatId, userId);
      return {
        events: [{ kind: "membership", change: "removed", userId }],
        memberCount: chat.memberCount - 1,
      };
    });
    return { $typeName: "parley.v2.RemoveMemberResponse" };
  };
}
