/** Reads of messages and events. Each statement checks the reader's membership itself: no row means no member. */
import type { LoggedEvent } from "#messenger/event-row.ts";
import { type MessageRow, messageColumns, messageRowLength, type Nullable } from "#messenger/message-row.ts";
import type { Queryable, Statement } from "#platform/database.ts";

export interface HistoryPage {
  /** In the order of their seq. */
  rows: MessageRow[];
  /** Of the chat. */
  lastNo: number;
}

export interface HistoryRange {
  chatId: string;
  readerId: string;
  /** Exclusive. */
  cursor: number;
  limit: number;
}

const historyStatement = (name: string, condition: string, order: string): Statement => ({
  name,
  text: `SELECT ${messageColumns("$2::uuid")}, c.last_no
    FROM messenger.members reader
    JOIN messenger.chats c ON c.chat_id = reader.chat_id
    LEFT JOIN LATERAL (
      SELECT * FROM messenger.messages
      WHERE chat_id = $1::uuid AND ${condition} ORDER BY seq ${order} LIMIT $4
    ) m ON true
    WHERE reader.chat_id = $1::uuid AND reader.user_id = $2::uuid
    ORDER BY m.seq`,
});

const historyBefore = historyStatement("messenger.history-before", "seq < $3", "DESC");
const historyAfter = historyStatement("messenger.history-after", "seq > $3", "ASC");

type HistoryRow = [...Nullable<MessageRow>, lastNo: number];

/** Undefined: not a member. */
export async function readHistory(
  database: Queryable,
  direction: "before" | "after",
  range: HistoryRange,
): Promise<HistoryPage | undefined> {
  const statement = direction === "before" ? historyBefore : historyAfter;
  const rows = await database.queryArrays<HistoryRow>(statement, [
    range.chatId,
    range.readerId,
    range.cursor,
    range.limit,
  ]);
  const first = rows[0];
  if (!first) return undefined;
  const lastNo = first[messageRowLength] as number;
  return { rows: first[0] === null ? [] : (rows as unknown as MessageRow[]), lastNo };
}

export interface MessagePage {
  /** The newest first. */
  rows: MessageRow[];
  /** Of the chat. */
  lastNo: number;
  /** How far the reader has read, and how far everybody else has; 0 when there is nobody else. */
  readNo: number;
  othersReadNo: number;
}

// No has no gaps and seq grows with it by one at least, so what the offset leaves out need not be read: the message that
// is `offset` before the top one stands at its seq less the offset, or further down.
const messagePage: Statement = {
  name: "messenger.message-page",
  text: `SELECT ${messageColumns("$2::uuid")}, c.last_no, reader.read_no, COALESCE((
      SELECT min(other.read_no) FROM messenger.members other
      WHERE other.chat_id = $1::uuid AND other.user_id <> $2::uuid
    ), 0)
    FROM messenger.members reader
    JOIN messenger.chats c ON c.chat_id = reader.chat_id
    LEFT JOIN LATERAL (
      SELECT seq, no FROM messenger.messages
      WHERE chat_id = $1::uuid AND seq < $3::int ORDER BY seq DESC LIMIT 1
    ) top ON true
    LEFT JOIN LATERAL (
      SELECT * FROM messenger.messages
      WHERE chat_id = $1::uuid AND seq <= top.seq - $5::int AND no <= top.no - $5::int
      ORDER BY seq DESC LIMIT $4::int
    ) m ON true
    WHERE reader.chat_id = $1::uuid AND reader.user_id = $2::uuid
    ORDER BY m.seq DESC`,
};

type MessagePageRow = [...Nullable<MessageRow>, lastNo: number, readNo: number, othersReadNo: number];

/** Without the newest `offset` of the messages before the cursor. Undefined: not a member. */
export async function readMessagePage(
  database: Queryable,
  range: HistoryRange & { offset: number },
): Promise<MessagePage | undefined> {
  const rows = await database.queryArrays<MessagePageRow>(messagePage, [
    range.chatId,
    range.readerId,
    range.cursor,
    range.limit,
    range.offset,
  ]);
  const first = rows[0];
  if (!first) return undefined;
  const [lastNo, readNo, othersReadNo] = first.slice(messageRowLength) as [number, number, number];
  return { rows: first[0] === null ? [] : (rows as unknown as MessageRow[]), lastNo, readNo, othersReadNo };
}

export interface EventPage {
  /** In the order of their seq, each with the row of its message where it has one. */
  events: Array<{ logged: LoggedEvent; messageRow: MessageRow | undefined }>;
  lastSeq: number;
  chatKind: string;
  title: string;
  processor: string;
  language: string;
}

// Seq has no gaps, so a range of it is a page: neither table has to be read further than that.
const eventsAfter: Statement = {
  name: "messenger.events-after",
  text: `SELECT ${messageColumns("NULL::uuid")},
      c.last_seq, c.kind, c.title, c.processor, c.language,
      e.seq, e.kind, e.actor_id, date_part('epoch', e.at) * 1000, e.message_seq, e.emoji, e.change, e.user_id, e.role
    FROM messenger.members reader
    JOIN messenger.chats c ON c.chat_id = reader.chat_id
    LEFT JOIN LATERAL (
      SELECT seq, 'message' AS kind, sender_id AS actor_id, created_at AS at, seq AS message_seq,
        NULL AS emoji, NULL AS change, NULL::uuid AS user_id, NULL AS role
      FROM messenger.messages WHERE chat_id = $1::uuid AND seq > $3::int AND seq <= $4::int
      UNION ALL
      SELECT seq, kind, actor_id, at, message_seq, emoji, change, user_id, role
      FROM messenger.events WHERE chat_id = $1::uuid AND seq > $3::int AND seq <= $4::int
    ) e ON true
    LEFT JOIN LATERAL (
      SELECT * FROM messenger.messages
      WHERE chat_id = $1::uuid AND seq = e.message_seq AND e.kind <> 'reaction' LIMIT 1
    ) m ON true
    WHERE reader.chat_id = $1::uuid AND reader.user_id = $2::uuid
    ORDER BY e.seq`,
};

type EventPart = [
  lastSeq: number,
  chatKind: string,
  title: string,
  processor: string,
  language: string,
  seq: number | null,
  kind: LoggedEvent["kind"],
  actorId: string,
  atMs: number,
  messageSeq: number | null,
  emoji: string | null,
  change: LoggedEvent["change"] | null,
  userId: string | null,
  role: string | null,
];

type EventRow = [...Nullable<MessageRow>, ...EventPart];

/** Events with a seq greater than `afterSeq`, up to `throughSeq`. Undefined: not a member. */
export async function readEvents(
  database: Queryable,
  range: { chatId: string; readerId: string; afterSeq: number; throughSeq: number },
): Promise<EventPage | undefined> {
  const rows = await database.queryArrays<EventRow>(eventsAfter, [
    range.chatId,
    range.readerId,
    range.afterSeq,
    range.throughSeq,
  ]);
  const first = rows[0];
  if (!first) return undefined;
  const [lastSeq, chatKind, title, processor, language, firstSeq] = eventPartOf(first);
  const events = firstSeq === null ? [] : rows.map(toLogged);
  return { events, lastSeq, chatKind, title, processor, language };
}

const eventPartOf = (row: EventRow) => row.slice(messageRowLength) as EventPart;

function toLogged(row: EventRow): EventPage["events"][number] {
  const [, , , , , seq, kind, actorId, atMs, messageSeq, emoji, change, userId, role] = eventPartOf(row);
  return {
    logged: {
      seq: seq!,
      kind,
      actorId,
      atMs,
      messageSeq: messageSeq ?? undefined,
      emoji: emoji ?? undefined,
      change: change ?? undefined,
      userId: userId ?? undefined,
      role: role ?? undefined,
    },
    messageRow: row[0] === null ? undefined : (row as unknown as MessageRow),
  };
}
