import type { HandlerContext } from "@connectrpc/connect";
import type { DeleteMessageRequest, DeleteMessageResponse } from "@parley/api/v2/messenger";
import { changeChat } from "#messenger/change-chat.ts";
import { callerOf, readId } from "#messenger/input.ts";
import { seqOfMessageId } from "#messenger/message-id.ts";
import { messagesOf } from "#messenger/message-row.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { blank, findMessage } from "#messenger/store-changes.ts";
import { fault } from "#platform/errors.ts";

/** Deleting a deleted message changes nothing. */
export function deleteMessage(parts: MessengerParts) {
  return async (request: DeleteMessageRequest, context: HandlerContext): Promise<DeleteMessageResponse> => {
    const callerId = callerOf(context);
    const chatId = readId("chatId", request.chatId);
    const seq = seqOfMessageId(chatId, request.messageId);
    await changeChat(parts, { chatId, callerId }, async (tx, chat) => {
      const place = { chatId, seq: seq ?? 0 };
      const former = await findMessage(tx, place, callerId);
      if (!former) throw fault("message-not-found");
      if (former[2] !== callerId && chat.role === "member") throw fault("forbidden");
      if (former[8] !== null) return { events: [] };
      await blank(tx, place, chat.atMs);
      if (former[11]) await parts.attachments.release(tx, former[11]);
      const message = messagesOf(chatId)((await findMessage(tx, place, callerId))!);
      return { events: [{ kind: "delete", messageSeq: place.seq, message }] };
    });
    parts.attachments.wake();
    return { $typeName: "parley.v2.DeleteMessageResponse" };
  };
}
