/** Changes of a chat that exists, other than new messages: each under the lock on its row, each with its events. */
import type { LoggedEvent } from "#messenger/event-row.ts";
import { type MessageRow, messageColumns } from "#messenger/message-row.ts";
import type { Queryable, Statement } from "#platform/database.ts";

export interface LockedChat {
  kind: string;
  title: string;
  /** Empty: none. */
  processor: string;
  /** Empty: found out. */
  language: string;
  lastSeq: number;
  lastNo: number;
  memberCount: number;
  /** Whether whoever knows its id may join it. */
  isOpen: boolean;
  /** The caller's. */
  role: string;
  /** The moment of the change: read under the lock, so that times never run against the order of seq. */
  atMs: number;
}

const lockChatRow: Statement = {
  name: "messenger.lock-chat",
  text: `SELECT kind, title, last_seq AS "lastSeq", last_no AS "lastNo", member_count AS "memberCount", open AS "isOpen",
      processor, language
    FROM messenger.chats WHERE chat_id = $1 FOR NO KEY UPDATE`,
};

// A statement of its own: it must see what was committed before the lock was given.
const selectRoleAndTime: Statement = {
  name: "messenger.select-role-and-time",
  text: `SELECT role, floor(date_part('epoch', clock_timestamp()) * 1000) AS "atMs"
    FROM messenger.members WHERE chat_id = $1 AND user_id = $2`,
};

const selectTime: Statement = {
  name: "messenger.select-time",
  text: `SELECT floor(date_part('epoch', clock_timestamp()) * 1000) AS "atMs"`,
};

/** As lockChat, for what nobody asked for: without a caller there is no role. Undefined: there is no such chat. */
export async function lockChatUnasked(tx: Queryable, chatId: string): Promise<LockedChat | undefined> {
  const [chat] = await tx.query<Omit<LockedChat, "role" | "atMs">>(lockChatRow, [chatId]);
  if (!chat) return undefined;
  const [moment] = await tx.query<Pick<LockedChat, "atMs">>(selectTime);
  return { ...chat, role: "", ...moment! };
}

/** As lockChat, but whoever is not a member of an open chat gets it as well, with an empty role. */
export async function lockChatToJoin(
  tx: Queryable,
  chatId: string,
  callerId: string,
): Promise<LockedChat | undefined> {
  const chat = (await lockChat(tx, chatId, callerId)) ?? (await lockChatUnasked(tx, chatId));
  return chat?.isOpen || chat?.role ? chat : undefined;
}

/** Until the transaction ends, nobody else changes the chat. Undefined: the caller is not a member. */
export async function lockChat(
  tx: Queryable,
  chatId: string,
  callerId: string,
): Promise<LockedChat | undefined> {
  const [chat] = await tx.query<Omit<LockedChat, "role" | "atMs">>(lockChatRow, [chatId]);
  if (!chat) return undefined;
  const [caller] = await tx.query<Pick<LockedChat, "role" | "atMs">>(selectRoleAndTime, [chatId, callerId]);
  return caller && { ...chat, ...caller };
}

const appendToLog: Statement = {
  name: "messenger.append-events",
  text: `WITH logged AS (
      INSERT INTO messenger.events
        (chat_id, seq, kind, actor_id, at, message_seq, emoji, change, user_id, role)
      SELECT $1::uuid, e.seq, e.kind, $2::uuid, to_timestamp($3::float8 / 1000),
        e.message_seq, e.emoji, e.change, e.user_id, e.role
      FROM unnest($4::int[], $5::text[], $6::int[], $7::text[], $8::text[], $9::uuid[], $10::text[])
        AS e (seq, kind, message_seq, emoji, change, user_id, role)
    )
    UPDATE messenger.chats SET
      last_seq = last_seq + cardinality($4::int[]), title = $11, member_count = $12,
      last_activity_at = CASE WHEN $13::bool THEN to_timestamp($3::float8 / 1000) ELSE last_activity_at END,
      language = $14
    WHERE chat_id = $1::uuid`,
};

export interface Change {
  chatId: string;
  events: readonly LoggedEvent[];
  title: string;
  language: string;
  memberCount: number;
  /** Whether it brings the chat to the front of its members' lists. */
  isActivity: boolean;
}

/** The events carry the seqs that follow the locked chat's last, the same actor and time. */
export async function appendEvents(tx: Queryable, change: Change): Promise<void> {
  const { chatId, events } = change;
  await tx.query(appendToLog, [
    chatId,
    events[0]!.actorId,
    events[0]!.atMs,
    events.map((event) => event.seq),
    events.map((event) => event.kind),
    events.map((event) => event.messageSeq ?? null),
    events.map((event) => event.emoji ?? null),
    events.map((event) => event.change ?? null),
    events.map((event) => event.userId ?? null),
    events.map((event) => event.role ?? null),
    change.title,
    change.memberCount,
    change.isActivity,
    change.language,
  ]);
}

/** The caller's ($3) view of one message. */
const selectMessage: Statement = {
  name: "messenger.select-message",
  text: `SELECT ${messageColumns("$3::uuid")} FROM messenger.messages m WHERE m.chat_id = $1 AND m.seq = $2`,
};

export async function findMessage(
  tx: Queryable,
  place: { chatId: string; seq: number },
  readerId: string,
): Promise<MessageRow | undefined> {
  const rows = await tx.queryArrays<MessageRow>(selectMessage, [place.chatId, place.seq, readerId]);
  return rows[0];
}

const updateText: Statement = {
  name: "messenger.update-text",
  text: `UPDATE messenger.messages SET text = $3, edited_at = to_timestamp($4::float8 / 1000), processed = NULL
    WHERE chat_id = $1 AND seq = $2`,
};

/** What was made of the former text goes with it. */
export async function setText(
  tx: Queryable,
  place: { chatId: string; seq: number },
  edit: { text: string; atMs: number },
): Promise<void> {
  await tx.query(updateText, [place.chatId, place.seq, edit.text, edit.atMs]);
}

const blankMessage: Statement = {
  name: "messenger.blank-message",
  text: `WITH taken_back AS (DELETE FROM messenger.reactions WHERE chat_id = $1 AND message_seq = $2),
      unprocessed AS (DELETE FROM messenger.processing WHERE chat_id = $1 AND message_seq = $2)
    UPDATE messenger.messages
    SET text = '', deleted_at = to_timestamp($3::float8 / 1000), reaction_count = 0, processed = NULL, attachments = NULL
    WHERE chat_id = $1 AND seq = $2`,
};

/** The message keeps its place, without its text, attachments, reactions and what was or was to be made of it. */
export async function blank(
  tx: Queryable,
  place: { chatId: string; seq: number },
  atMs: number,
): Promise<void> {
  await tx.query(blankMessage, [place.chatId, place.seq, atMs]);
}

export interface ReactionKey {
  chatId: string;
  messageSeq: number;
  userId: string;
  emoji: string;
}

const insertReaction: Statement = {
  name: "messenger.insert-reaction",
  text: `WITH added AS (
      INSERT INTO messenger.reactions (chat_id, message_seq, user_id, emoji, seq)
      VALUES ($1, $2, $3, $4, $5)
    )
    UPDATE messenger.messages SET reaction_count = reaction_count + 1 WHERE chat_id = $1 AND seq = $2`,
};

export async function addReaction(tx: Queryable, key: ReactionKey, seq: number): Promise<void> {
  await tx.query(insertReaction, [key.chatId, key.messageSeq, key.userId, key.emoji, seq]);
}

const deleteReaction: Statement = {
  name: "messenger.delete-reaction",
  text: `WITH taken_back AS (
      DELETE FROM messenger.reactions
      WHERE chat_id = $1 AND message_seq = $2 AND user_id = $3 AND emoji = $4 RETURNING 1
    )
    UPDATE messenger.messages SET reaction_count = reaction_count - 1
    WHERE chat_id = $1 AND seq = $2 AND EXISTS (SELECT FROM taken_back)`,
};

export async function removeReaction(tx: Queryable, key: ReactionKey): Promise<void> {
  await tx.query(deleteReaction, [key.chatId, key.messageSeq, key.userId, key.emoji]);
}
