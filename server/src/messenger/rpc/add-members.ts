import type { HandlerContext } from "@connectrpc/connect";
import type { AddMembersRequest, AddMembersResponse } from "@parley/api/v2/messenger";
import { changeChat } from "#messenger/change-chat.ts";
import { callerOf, readId, readIds } from "#messenger/input.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { requireCanManage } from "#messenger/rules.ts";
import { addMembers as insertMembers } from "#messenger/store-members.ts";
import { invalidInput } from "#platform/errors.ts";

/** The contract's limit of userIds. */
const maxAddedAtOnce = 1_000;

/** Whoever is added sees the whole history; what was written before counts as read. */
export function addMembers(parts: MessengerParts) {
  return async (request: AddMembersRequest, context: HandlerContext): Promise<AddMembersResponse> => {
    const callerId = callerOf(context);
    const chatId = readId("chatId", request.chatId);
    const userIds = readIds("userIds", request.userIds, maxAddedAtOnce);
    const maxMembers = parts.config.PARLEY_MAX_GROUP_MEMBERS;
    await changeChat(parts, { chatId, callerId }, async (tx, chat) => {
      requireCanManage(chat);
      const added = await insertMembers(tx, { chatId, userIds, readNo: chat.lastNo, atMs: chat.atMs });
      const memberCount = chat.memberCount + added.length;
      if (memberCount > maxMembers) throw invalidInput("userIds", `a chat has at most ${maxMembers} members`);
      const events = added.map(
        (userId) => ({ kind: "membership", change: "added", userId, role: "member" }) as const,
      );
      return { events, memberCount, isActivity: true };
    });
    return { $typeName: "parley.v2.AddMembersResponse" };
  };
}
