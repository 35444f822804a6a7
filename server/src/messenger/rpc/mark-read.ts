import type { HandlerContext } from "@connectrpc/connect";
import type { Event } from "@parley/api/v2/event";
import type { MarkReadRequest, MarkReadResponse } from "@parley/api/v2/messenger";
import { announce } from "#messenger/announce.ts";
import { callerOf, clampToInt, readId } from "#messenger/input.ts";
import { toTimestamp } from "#messenger/message-row.ts";
import type { Parts } from "#messenger/parts.ts";
import { findReadPosition, raiseReadPosition } from "#messenger/store-members.ts";
import { fault } from "#platform/errors.ts";

/** The position only rises, and never past the last message. */
export function markRead(parts: Parts) {
  return async (request: MarkReadRequest, context: HandlerContext): Promise<MarkReadResponse> => {
    const userId = callerOf(context);
    const chatId = readId("chatId", request.chatId);
    const raised = await raiseReadPosition(parts.database, { chatId, userId, no: clampToInt(request.no) });
    if (raised) announce(parts, { chatId, events: [readEvent(chatId, userId, raised)] });
    const position = raised ?? (await findReadPosition(parts.database, chatId, userId));
    if (!position) throw fault("chat-not-found");
    const { readNo, lastNo } = position;
    return { $typeName: "parley.v2.MarkReadResponse", readNo, unread: lastNo - readNo };
  };
}

function readEvent(chatId: string, userId: string, position: { readNo: number; atMs: number }): Event {
  return {
    $typeName: "parley.v2.Event",
    chatId,
    kind: "read",
    at: toTimestamp(position.atMs),
    actorId: userId,
    read: { $typeName: "parley.v2.ReadChange", userId, no: position.readNo },
  };
}
