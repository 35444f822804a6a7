import type { Chat } from "@parley/api/v2/event";
import {
  type MessageRow,
  messageRowLength,
  messagesOf,
  type Nullable,
  toTimestamp,
} from "#messenger/message-row.ts";

type ChatPart = [
  chatId: string,
  kind: string,
  title: string,
  createdAtMs: number,
  lastSeq: number,
  lastNo: number,
  memberCount: number,
  role: string,
  readNo: number,
  lastActivityAtMs: number,
  peerId: string | null,
  processor: string,
  language: string,
];

/** The chat's last message first. */
export type ChatRow = [...Nullable<MessageRow>, ...ChatPart];

export function toChat(row: ChatRow): Chat {
  const [id, kind, title, createdAtMs, lastSeq, lastNo, memberCount, role, readNo, , ...rest] =
    chatPartOf(row);
  const [peerId, processor, language] = rest;
  return {
    $typeName: "parley.v2.Chat",
    id,
    kind,
    title,
    createdAt: toTimestamp(createdAtMs),
    lastSeq,
    lastNo,
    memberCount,
    role,
    readNo,
    unread: lastNo - readNo,
    ...(row[0] === null ? {} : { lastMessage: messagesOf(id)(row as unknown as MessageRow) }),
    peerId: peerId ?? "",
    processor,
    language,
  };
}

/** Where the chat stands in the order of ListChats. */
export function activityOf(row: ChatRow): { atMs: number; chatId: string } {
  const [chatId, , , , , , , , , lastActivityAtMs] = chatPartOf(row);
  return { atMs: lastActivityAtMs, chatId };
}

const chatPartOf = (row: ChatRow) => row.slice(messageRowLength) as ChatPart;
