import type { HandlerContext } from "@connectrpc/connect";
import type { ListChatsRequest, ListChatsResponse } from "@parley/api/v2/messenger";
import { activityOf, toChat } from "#messenger/chat-row.ts";
import { decodeActivity, encodeActivity, latestActivity } from "#messenger/cursor.ts";
import { callerOf, pageSize } from "#messenger/input.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { listChats as selectChats } from "#messenger/store-chats.ts";

export function listChats({ database }: MessengerParts) {
  return async (request: ListChatsRequest, context: HandlerContext): Promise<ListChatsResponse> => {
    const userId = callerOf(context);
    const limit = pageSize(request.limit, { standard: 50, max: 200 });
    const before = request.cursor === "" ? latestActivity : decodeActivity(request.cursor);
    const rows = await selectChats(database, { userId, before, limit: limit + 1 });
    const page = rows.slice(0, limit);
    return {
      $typeName: "parley.v2.ListChatsResponse",
      chats: page.map(toChat),
      ...(rows.length > limit ? { nextCursor: encodeActivity(activityOf(page.at(-1)!)) } : {}),
    };
  };
}
