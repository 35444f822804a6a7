import type { HandlerContext } from "@connectrpc/connect";
import type { Message } from "@parley/api/v2/event";
import type { EditMessageRequest, EditMessageResponse } from "@parley/api/v2/messenger";
import { changeChat } from "#messenger/change-chat.ts";
import { callerOf, readId, requireNoProblem } from "#messenger/input.ts";
import { seqOfMessageId } from "#messenger/message-id.ts";
import { messagesOf } from "#messenger/message-row.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { requireCanWrite } from "#messenger/rules.ts";
import { findMessage, type LockedChat, setText } from "#messenger/store-changes.ts";
import { forgetFormerText, queueEditedText } from "#messenger/store-processing.ts";
import { setEntry } from "#messenger/store-text-index.ts";
import type { Queryable } from "#platform/database.ts";
import { fault } from "#platform/errors.ts";
import { messageTextProblem } from "#platform/message-text.ts";

export function editMessage(parts: MessengerParts) {
  return async (request: EditMessageRequest, context: HandlerContext): Promise<EditMessageResponse> => {
    const callerId = callerOf(context);
    const chatId = readId("chatId", request.chatId);
    const { text } = request;
    if (text !== "") requireNoProblem("text", messageTextProblem(text, parts.config.PARLEY_MAX_TEXT_BYTES));
    const seq = seqOfMessageId(chatId, request.messageId);
    let indexed = parts.textIndex.entriesOf([{ text, senderId: callerId, attachments: null }]);
    let message: Message | undefined;
    let isIndexed = false;
    let isProcessable = false;
    await changeChat(parts, { chatId, callerId }, async (tx, chat) => {
      const place = { chatId, seq: seq ?? 0 };
      const former = await findMessage(tx, place, callerId);
      if (!former || former[8] !== null) throw fault("message-not-found");
      if (former[2] !== callerId) throw fault("forbidden");
      requireCanWrite(chat);
      const attachments = former[11];
      if (!attachments) requireNoProblem("text", text === "" ? "must not be empty" : undefined);
      else indexed = parts.textIndex.entriesOf([{ text, senderId: callerId, attachments }]);
      message = messagesOf(chatId)(former);
      if (message.text === text) return { events: [] };
      await setText(tx, place, { text, atMs: chat.atMs });
      await setEntry(tx, place, indexed);
      isIndexed = true;
      isProcessable = await queueText(tx, chat, { ...place, text });
      message = messagesOf(chatId)((await findMessage(tx, place, callerId))!);
      return { events: [{ kind: "edit", messageSeq: place.seq, message }] };
    });
    if (isIndexed) indexed.committed();
    if (isProcessable) parts.onProcessable();
    return { $typeName: "parley.v2.EditMessageResponse", ...(message ? { message } : {}) };
  };
}

/** Answers whether the new text is to be processed. What was to be made of the former one is not wanted any more. */
async function queueText(
  tx: Queryable,
  chat: LockedChat,
  { chatId, seq, text }: { chatId: string; seq: number; text: string },
): Promise<boolean> {
  const isProcessable = chat.processor !== "" && text !== "";
  if (isProcessable) await queueEditedText(tx, { chatId, messageSeq: seq, seq: chat.lastSeq + 1 });
  else await forgetFormerText(tx, { chatId, messageSeq: seq });
  return isProcessable;
}
