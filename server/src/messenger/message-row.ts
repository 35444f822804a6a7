/**
 * Messages as rows and as they leave the service. Rows are arrays and the messages are built as plain literals:
 * a page of history is the most frequent read, and this is most of its work outside the database.
 */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Message, Processed, Reaction } from "@parley/api/v2/event";
import { type AttachmentRow, toAttachment } from "#messenger/attachments/attachment-row.ts";
import { messageIdsOf } from "#messenger/message-id.ts";

export type MessageRow = [
  seq: number,
  no: number,
  senderId: string,
  clientId: string,
  text: string,
  replyToSeq: number | null,
  createdAtMs: number,
  editedAtMs: number | null,
  deletedAtMs: number | null,
  reactions: ReactionRow[] | null,
  processed: ProcessedRow | null,
  attachments: readonly AttachmentRow[] | null,
];

/** A row of the left side of a join that found no message is all null. */
export type Nullable<Row extends unknown[]> = { [K in keyof Row]: Row[K] | null };

/** As the database keeps it; the time in milliseconds since 1970. */
export interface ProcessedRow {
  processor: string;
  result: string;
  provider: string;
  atMs: number;
}

interface ReactionRow {
  emoji: string;
  count: number;
  mine: boolean;
}

export const messageRowLength = 12;

/** The columns of a MessageRow out of messenger.messages m; the reader's id is that of whom "mine" speaks of. */
export function messageColumns(reader: string): string {
  return `m.seq, m.no, m.sender_id, m.client_id, m.text, m.reply_to_seq,
    date_part('epoch', m.created_at) * 1000, date_part('epoch', m.edited_at) * 1000,
    date_part('epoch', m.deleted_at) * 1000,
    CASE WHEN m.reaction_count > 0 THEN (
      SELECT json_agg(json_build_object('emoji', r.emoji, 'count', r.count, 'mine', r.mine) ORDER BY r.seq)
      FROM (
        SELECT emoji, count(*) AS count, COALESCE(bool_or(user_id = ${reader}), false) AS mine, min(seq) AS seq
        FROM messenger.reactions WHERE chat_id = m.chat_id AND message_seq = m.seq GROUP BY emoji
      ) r
    ) END, m.processed, m.attachments`;
}

/** Builds the messages of one chat. */
export function messagesOf(chatId: string): (row: MessageRow) => Message {
  const idOf = messageIdsOf(chatId);
  return (row) => ({
    $typeName: "parley.v2.Message",
    id: idOf(row[0]),
    chatId,
    seq: row[0],
    no: row[1],
    senderId: row[2],
    clientId: row[3],
    text: row[4],
    replyTo: row[5] === null ? "" : idOf(row[5]),
    createdAt: toTimestamp(row[6]),
    ...(row[7] === null ? {} : { editedAt: toTimestamp(row[7]) }),
    ...(row[8] === null ? {} : { deletedAt: toTimestamp(row[8]) }),
    attachments: row[11] === null ? [] : row[11].map(toAttachment),
    reactions: row[9] === null ? [] : row[9].map(toReaction),
    ...(row[10] === null ? {} : { processed: toProcessed(row[10]) }),
  });
}

const toReaction = (row: ReactionRow): Reaction => ({ $typeName: "parley.v2.Reaction", ...row });

const toProcessed = ({ processor, result, provider, atMs }: ProcessedRow): Processed => ({
  $typeName: "parley.v2.Processed",
  processor,
  result,
  provider,
  at: toTimestamp(atMs),
});

/** The database keeps times of the messenger in whole milliseconds. */
export function toTimestamp(ms: number): Timestamp {
  const wholeMs = Math.round(ms);
  const seconds = Math.floor(wholeMs / 1_000);
  return {
    $typeName: "google.protobuf.Timestamp",
    seconds: BigInt(seconds),
    nanos: (wholeMs - seconds * 1_000) * 1_000_000,
  };
}
