/** Chats as one user sees them, and their creation. */
import type { ChatRow } from "#messenger/chat-row.ts";
import { messageColumns } from "#messenger/message-row.ts";
import type { Queryable, Statement } from "#platform/database.ts";

/** Around a subquery `page` of the user's ($1) chats with their membership; with more columns, if need be. */
const chatSelect = (page: string, more = "") => `
  SELECT ${messageColumns("$1::uuid")},
    page.chat_id, page.kind, page.title, date_part('epoch', page.created_at) * 1000,
    page.last_seq, page.last_no, page.member_count, page.role, page.read_no,
    date_part('epoch', page.last_activity_at) * 1000,
    CASE WHEN page.kind = 'direct' THEN (
      SELECT peer.user_id FROM messenger.members peer
      WHERE peer.chat_id = page.chat_id AND peer.user_id <> $1::uuid LIMIT 1
    ) END,
    page.processor, page.language${more}
  FROM (${page}) page
  LEFT JOIN LATERAL (
    SELECT * FROM messenger.messages WHERE chat_id = page.chat_id ORDER BY seq DESC LIMIT 1
  ) m ON true
  ORDER BY page.last_activity_at DESC, page.chat_id DESC`;

const selectChat: Statement = {
  name: "messenger.select-chat",
  text: chatSelect(`
    SELECT c.*, reader.role, reader.read_no
    FROM messenger.members reader JOIN messenger.chats c ON c.chat_id = reader.chat_id
    WHERE reader.chat_id = $2::uuid AND reader.user_id = $1::uuid`),
};

/** Undefined: not a member. */
export async function findChat(database: Queryable, userId: string, chatId: string) {
  const rows = await database.queryArrays<ChatRow>(selectChat, [userId, chatId]);
  return rows[0];
}

const selectChats: Statement = {
  name: "messenger.select-chats",
  text: chatSelect(`
    SELECT c.*, reader.role, reader.read_no
    FROM messenger.members reader JOIN messenger.chats c ON c.chat_id = reader.chat_id
    WHERE reader.user_id = $1::uuid
      AND (c.last_activity_at, c.chat_id) < (to_timestamp($2::float8 / 1000), $3::uuid)
    ORDER BY c.last_activity_at DESC, c.chat_id DESC LIMIT $4`),
};

/** Chats less recently active than the given place, the most recently active first. */
export function listChats(
  database: Queryable,
  page: { userId: string; before: { atMs: number; chatId: string }; limit: number },
): Promise<ChatRow[]> {
  return database.queryArrays<ChatRow>(selectChats, [
    page.userId,
    page.before.atMs,
    page.before.chatId,
    page.limit,
  ]);
}

const selectChatPage: Statement = {
  name: "messenger.select-chat-page",
  text: chatSelect(
    `
    SELECT c.*, reader.role, reader.read_no
    FROM messenger.members reader JOIN messenger.chats c ON c.chat_id = reader.chat_id
    WHERE reader.user_id = $1::uuid
    ORDER BY c.last_activity_at DESC, c.chat_id DESC LIMIT $2 OFFSET $3`,
    `, ARRAY(
      SELECT other.user_id FROM messenger.members other
      WHERE other.chat_id = page.chat_id ORDER BY other.user_id LIMIT $4
    )`,
  ),
};

export interface ChatOfMembers {
  row: ChatRow;
  /** The first `maxMembers`, in their order. */
  memberIds: string[];
}

/** As listChats orders them, by position. */
export async function listChatsAt(
  database: Queryable,
  page: { userId: string; offset: number; limit: number; maxMembers: number },
): Promise<ChatOfMembers[]> {
  const values = [page.userId, page.limit, page.offset, page.maxMembers];
  const rows = await database.queryArrays<[...ChatRow, memberIds: string[]]>(selectChatPage, values);
  return rows.map((row) => ({ row: row as unknown as ChatRow, memberIds: row.at(-1) as string[] }));
}

const countChats: Statement = {
  name: "messenger.count-chats",
  text: `SELECT count(*)::int AS count FROM messenger.members WHERE user_id = $1`,
};

export async function countChatsOf(database: Queryable, userId: string): Promise<number> {
  const [row] = await database.query<{ count: number }>(countChats, [userId]);
  return row!.count;
}

const selectPositions: Statement = {
  name: "messenger.select-positions",
  text: `SELECT c.chat_id, c.last_seq
    FROM messenger.members reader JOIN messenger.chats c ON c.chat_id = reader.chat_id
    WHERE reader.user_id = $1`,
};

export function listPositions(database: Queryable, userId: string): Promise<[string, number][]> {
  return database.queryArrays<[string, number]>(selectPositions, [userId]);
}

const insertChat: Statement = {
  name: "messenger.insert-chat",
  text: `WITH moment AS (SELECT date_trunc('milliseconds', clock_timestamp()) AS at),
    created AS (
      INSERT INTO messenger.chats
        (chat_id, kind, title, created_by, created_at, member_count, last_activity_at,
          processor, processor_set_by, processor_may_pay, language, open)
      SELECT $1::uuid, $2, $3, $4::uuid, at, cardinality($5::uuid[]), at, $7, $4::uuid, $8, $9, $10 FROM moment
      ON CONFLICT (chat_id) DO NOTHING
      RETURNING chat_id, created_at
    ), joined AS (
      INSERT INTO messenger.members (chat_id, user_id, role, read_no, joined_at)
      SELECT chat_id, given.user_id, given.role, 0, created_at
      FROM created, unnest($5::uuid[], $6::text[]) AS given (user_id, role)
    )
    SELECT date_part('epoch', created_at) * 1000 AS "createdAtMs" FROM created`,
};

export interface NewChat {
  chatId: string;
  kind: string;
  title: string;
  createdBy: string;
  members: Array<{ userId: string; role: string }>;
  /** Empty: none. */
  processor: string;
  /** Whether the creator may use what costs. */
  mayPay: boolean;
  /** Empty: found out. */
  language: string;
  /** Whether whoever knows its id may join it. */
  isOpen: boolean;
}

/** When it was created; undefined when it exists already. */
export async function createChat(database: Queryable, chat: NewChat): Promise<number | undefined> {
  const rows = await database.query<{ createdAtMs: number }>(insertChat, [
    chat.chatId,
    chat.kind,
    chat.title,
    chat.createdBy,
    chat.members.map((member) => member.userId),
    chat.members.map((member) => member.role),
    chat.processor,
    chat.mayPay,
    chat.language,
    chat.isOpen,
  ]);
  return rows[0]?.createdAtMs;
}
