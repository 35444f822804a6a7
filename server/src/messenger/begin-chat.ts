import { randomUUIDv7 } from "node:crypto";
import type { Chat, Event } from "@parley/api/v2/event";
import { announceNewChat } from "#messenger/announce.ts";
import { toChat } from "#messenger/chat-row.ts";
import { toTimestamp } from "#messenger/message-row.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { createChat, findChat, type NewChat } from "#messenger/store-chats.ts";
import { fault } from "#platform/errors.ts";

export const newChatId = (): string => randomUUIDv7();

/** Stores it and tells its members, unless there is one with this id; answers it as its creator sees it. */
export async function beginChat(
  parts: Pick<MessengerParts, "database" | "bus" | "telemetry">,
  chat: NewChat,
): Promise<Chat> {
  const createdAtMs = await createChat(parts.database, chat);
  if (createdAtMs !== undefined) {
    const memberIds = chat.members.map((member) => member.userId);
    announceNewChat(parts, memberIds, chatEvent(chat, createdAtMs));
  }
  const row = await findChat(parts.database, chat.createdBy, chat.chatId);
  // A group's owner can be removed from it only by themselves, and nobody else knows its id yet.
  if (!row) throw fault("chat-not-found");
  return toChat(row);
}

const chatEvent = (chat: NewChat, createdAtMs: number): Event => ({
  $typeName: "parley.v2.Event",
  chatId: chat.chatId,
  kind: "chat",
  at: toTimestamp(createdAtMs),
  actorId: chat.createdBy,
  chat: {
    $typeName: "parley.v2.ChatChange",
    kind: chat.kind,
    title: chat.title,
    processor: chat.processor,
    language: chat.language,
  },
});
