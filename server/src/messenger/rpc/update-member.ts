import type { HandlerContext } from "@connectrpc/connect";
import type { UpdateMemberRequest, UpdateMemberResponse } from "@parley/api/v2/messenger";
import { type ChatChange, changeChat, type NewEvent } from "#messenger/change-chat.ts";
import { callerOf, readId } from "#messenger/input.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { findRole, setRole } from "#messenger/store-members.ts";
import type { Queryable } from "#platform/database.ts";
import { fault, invalidInput } from "#platform/errors.ts";

const roles: readonly string[] = ["owner", "admin", "member"];

export function updateMember(parts: MessengerParts) {
  return async (request: UpdateMemberRequest, context: HandlerContext): Promise<UpdateMemberResponse> => {
    const callerId = callerOf(context);
    const chatId = readId("chatId", request.chatId);
    const userId = readId("userId", request.userId);
    const { role } = request;
    if (!roles.includes(role)) throw invalidInput("role", `must be one of ${roles.join(", ")}`);
    await changeChat(parts, { chatId, callerId }, async (tx, chat) => {
      if (chat.role !== "owner") throw fault("forbidden");
      const former = userId === callerId ? chat.role : await findRole(tx, chatId, userId);
      if (!former) throw fault("member-not-found");
      if (former === role) return { events: [] };
      if (userId === callerId) throw fault("owner-required");
      return change(tx, { chatId, callerId, userId, role });
    });
    return { $typeName: "parley.v2.UpdateMemberResponse" };
  };
}

/** A chat has one owner: who names a new one becomes an admin. */
async function change(
  tx: Queryable,
  { chatId, callerId, userId, role }: { chatId: string; callerId: string; userId: string; role: string },
): Promise<ChatChange> {
  const events: NewEvent[] = [];
  const give = async (to: string, newRole: string) => {
    await setRole(tx, { chatId, userId: to, role: newRole });
    events.push({ kind: "membership", change: "role", userId: to, role: newRole });
  };
  await give(userId, role);
  if (role === "owner") await give(callerId, "admin");
  return { events };
}
