/** The history of a chat, and sending without a WebSocket. */
import type { ListMessagePageResponse } from "@parley/api/internal/messenger";
import type { Message } from "@parley/api/v2/event";
import { MessengerService } from "@parley/api/v2/messenger";
import type { DialectParts, DialectRoute } from "#gateway/dialects/dialect.ts";
import {
  type OldMessage,
  type OldStatus,
  readChatId,
  readSends,
} from "#gateway/dialects/social/old-message.ts";
import { readPage } from "#gateway/dialects/social/page.ts";
import { timestampText } from "#gateway/json/timestamp-text.ts";

const maxMessages = 1_000;
const common = {
  template: "/messenger/messages",
  access: "required",
  successor: "/v2/chats/{chatId}/messages",
} as const;

export function messageRoutes(parts: DialectParts): DialectRoute[] {
  return [listMessages(parts), sendMessages(parts)];
}

function listMessages({ clients, optionsFor }: DialectParts): DialectRoute {
  return {
    ...common,
    method: "GET",
    rate: "read",
    async serve({ query, context, caller }) {
      const chatId = readChatId(query);
      const page = readPage(query, maxMessages);
      const request = { chatId, ...page };
      const found = await clients.messengerInternal.listMessagePage(request, optionsFor(context));
      const messages = found.messages.map((message) =>
        toOldMessage(message, statusOf(message, caller.userId, found)),
      );
      return { body: { total: found.total, ...page, messages } };
    },
  };
}

/** One after the other: the first that cannot be sent, for no reason of its own, ends it. */
function sendMessages({ call, config }: DialectParts): DialectRoute {
  return {
    ...common,
    method: "POST",
    rate: "send",
    async serve({ json, context, caller }) {
      const { chatId, texts } = readSends(json(), config.PARLEY_MAX_TEXT_BYTES);
      const messages: OldMessage[] = [];
      for (const [index, text] of texts.entries()) {
        // The request has been counted as one send.
        const counted = { ...context, isAdmitted: index === 0 };
        const { message } = await call(MessengerService.method.sendMessage, { chatId, text }, counted);
        if (message) messages.push(toOldMessage(message, statusOf(message, caller.userId, unread)));
      }
      return { body: { chat_id: chatId, messages } };
    },
  };
}

type ReadState = Pick<ListMessagePageResponse, "readByOthers" | "readByCaller">;

const unread: ReadState = { readByOthers: 0, readByCaller: 0 };

function statusOf({ senderId, no, deletedAt }: Message, callerId: string, read: ReadState): OldStatus {
  if (deletedAt) return "deleted";
  if (senderId === callerId) return no <= read.readByOthers ? "read" : "created";
  return no <= read.readByCaller ? "read" : "received";
}

function toOldMessage(message: Message, status: OldStatus): OldMessage {
  const { id, text, createdAt, senderId, chatId } = message;
  const create_time = createdAt ? timestampText(createdAt) : "";
  return {
    id,
    text: status === "deleted" ? "" : text,
    status,
    create_time,
    user_id: senderId,
    chat_id: chatId,
  };
}
