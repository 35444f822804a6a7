import type { HandlerContext } from "@connectrpc/connect";
import type { Member } from "@parley/api/v2/event";
import type { ListMembersRequest, ListMembersResponse } from "@parley/api/v2/messenger";
import { decodeId, encodeId } from "#messenger/cursor.ts";
import { callerOf, pageSize, readId } from "#messenger/input.ts";
import { toTimestamp } from "#messenger/message-row.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { type MemberRow, listMembers as selectMembers } from "#messenger/store-members.ts";
import { fault } from "#platform/errors.ts";
import { nilUuid } from "#platform/uuid.ts";

export function listMembers({ database }: MessengerParts) {
  return async (request: ListMembersRequest, context: HandlerContext): Promise<ListMembersResponse> => {
    const readerId = callerOf(context);
    const chatId = readId("chatId", request.chatId);
    const limit = pageSize(request.limit, { standard: 100, max: 1_000 });
    const afterUserId = request.cursor === "" ? nilUuid : decodeId(request.cursor);
    const rows = await selectMembers(database, { chatId, readerId, afterUserId, limit: limit + 1 });
    if (!rows) throw fault("chat-not-found");
    const page = rows.slice(0, limit);
    return {
      $typeName: "parley.v2.ListMembersResponse",
      members: page.map(toMember),
      ...(rows.length > limit ? { nextCursor: encodeId(page.at(-1)!.userId) } : {}),
    };
  };
}

const toMember = (row: MemberRow): Member => ({
  $typeName: "parley.v2.Member",
  userId: row.userId,
  role: row.role,
  joinedAt: toTimestamp(row.joinedAtMs),
  readNo: row.readNo,
  displayName: row.displayName,
});
