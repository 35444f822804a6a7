import type { HandlerContext } from "@connectrpc/connect";
import type { JoinChatRequest, JoinChatResponse } from "@parley/api/internal/messenger";
import { changeChatToJoin } from "#messenger/change-chat.ts";
import { callerOf, nameProblem, readId, requireNoProblem } from "#messenger/input.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { addMembers, setDisplayName } from "#messenger/store-members.ts";
import { invalidInput } from "#platform/errors.ts";

const maxNameLength = 100;

/**
 * Whoever joins sees the whole history; what was written before counts as read. Who was removed from an open chat may
 * join it again: the rule of the old APIs, for which the id is the only key.
 *
 * Another name is no event: it changes nothing that clients hold but names, and those are read anew because the stamp of
 * the chat's members changes.
 */
export function joinChat(parts: MessengerParts) {
  return async (request: JoinChatRequest, context: HandlerContext): Promise<JoinChatResponse> => {
    const callerId = callerOf(context);
    const chatId = readId("chatId", request.chatId);
    const { displayName } = request;
    requireNoProblem("displayName", nameProblem(displayName, maxNameLength));
    const maxMembers = parts.config.PARLEY_MAX_GROUP_MEMBERS;
    await changeChatToJoin(parts, { chatId, callerId }, async (tx, chat) => {
      const isNew = chat.role === "";
      if (isNew) {
        if (chat.memberCount >= maxMembers) {
          throw invalidInput("chatId", `a chat has at most ${maxMembers} members`);
        }
        const readNo = chat.lastNo;
        await addMembers(tx, { chatId, userIds: [callerId], readNo, atMs: chat.atMs });
      }
      await setDisplayName(tx, { chatId, userId: callerId, displayName });
      if (!isNew) return { events: [] };
      return {
        events: [{ kind: "membership", change: "added", userId: callerId, role: "member" }],
        memberCount: chat.memberCount + 1,
        isActivity: true,
      };
    });
    return { $typeName: "parley.internal.v1.JoinChatResponse" };
  };
}
