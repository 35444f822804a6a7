import type { HandlerContext } from "@connectrpc/connect";
import type { Event } from "@parley/api/v2/event";
import type { MarkReadRequest, MarkReadResponse } from "@parley/api/v2/messenger";
import { announce } from "#messenger/announce.ts";
import { callerOf, clampToInt, readId } from "#messenger/input.ts";
import { toTimestamp } from "#messenger/message-row.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { findReadPosition, raiseReadPosition } from "#messenger/store-members.ts";
import { fault } from "#platform/errors.ts";
import { tags } from "#platform/stamps/stamps.ts";

/** The position only rises, and never past the last message. */
export function markRead(parts: MessengerParts) {
  const { database, stamps } = parts;
  return async (request: MarkReadRequest, context: HandlerContext): Promise<MarkReadResponse> => {
    const userId = callerOf(context);
    const chatId = readId("chatId", request.chatId);
    const raised = await raiseReadPosition(database, { chatId, userId, no: clampToInt(request.no) });
    const position = raised ?? (await findReadPosition(database, chatId, userId));
    if (!position) throw fault("chat-not-found");
    // A position that was there already may be that of a call which ended before it came this far.
    const stamped = stamps.change([tags.read(chatId, userId), tags.reads(chatId)]);
    if (raised) announce(parts, { chatId, events: [readEvent(chatId, userId, raised)] });
    await stamped;
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
