/** The attachments of messages: their column in messenger.messages, and the table messenger.attaching. */
import type { AttachmentRow } from "#messenger/attachments/attachment-row.ts";
import type { Queryable, Statement } from "#platform/database.ts";

const insertAttaching: Statement = {
  name: "messenger.insert-attaching",
  text: `INSERT INTO messenger.attaching (chat_id, attachment_id, attachment_ids, created_at)
    VALUES ($1, $2, $3::uuid[], clock_timestamp())`,
};

/** They are about to be held for a message of the chat. At least one. */
export async function noteAttaching(
  database: Queryable,
  chatId: string,
  attachmentIds: readonly string[],
): Promise<void> {
  await database.query(insertAttaching, [chatId, attachmentIds[0], attachmentIds]);
}

// The lock is a row's at a time and SKIP LOCKED waits for nobody: what is locked is just being stored.
const takeAttaching: Statement = {
  name: "messenger.take-attaching",
  text: `WITH abandoned AS MATERIALIZED (
      SELECT chat_id, attachment_id FROM messenger.attaching
      WHERE created_at < clock_timestamp() - $1::float8 * interval '1 millisecond'
      ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )
    DELETE FROM messenger.attaching a USING abandoned
    WHERE a.chat_id = abandoned.chat_id AND a.attachment_id = abandoned.attachment_id
    RETURNING a.attachment_ids`,
};

/** From now on, no message gets them: whoever would store one finds them gone. Each list is of one attempt to send. */
export async function takeAbandoned(
  tx: Queryable,
  { ageMs, limit }: { ageMs: number; limit: number },
): Promise<string[][]> {
  const rows = await tx.queryArrays<[attachmentIds: string[]]>(takeAttaching, [ageMs, limit]);
  return rows.map(([attachmentIds]) => attachmentIds);
}

export interface SentPlace {
  chatId: string;
  senderId: string;
  clientId: string;
}

const selectSent: Statement = {
  name: "messenger.select-sent-attachments",
  text: `SELECT seq, attachments FROM messenger.messages
    WHERE chat_id = $1 AND sender_id = $2 AND client_id = $3 AND attachments IS NOT NULL`,
};

/** Undefined: there is no such message, or none with attachments any more. */
export async function findSentAttachments(
  database: Queryable,
  { chatId, senderId, clientId }: SentPlace,
): Promise<{ seq: number; attachments: AttachmentRow[] } | undefined> {
  const [row] = await database.query<{ seq: number; attachments: AttachmentRow[] }>(selectSent, [
    chatId,
    senderId,
    clientId,
  ]);
  return row;
}

const updateAttachments: Statement = {
  name: "messenger.update-attachments",
  text: `UPDATE messenger.messages SET attachments = $3::jsonb WHERE chat_id = $1 AND seq = $2`,
};

/** Under the lock on the chat. */
export async function setAttachments(
  tx: Queryable,
  { chatId, seq }: { chatId: string; seq: number },
  attachments: readonly AttachmentRow[],
): Promise<void> {
  await tx.query(updateAttachments, [chatId, seq, JSON.stringify(attachments)]);
}

const selectForReader: Statement = {
  name: "messenger.select-attachments-for-reader",
  text: `SELECT m.attachments
    FROM messenger.members reader
    LEFT JOIN LATERAL (
      SELECT attachments FROM messenger.messages
      WHERE chat_id = $1::uuid AND seq = $3 AND deleted_at IS NULL LIMIT 1
    ) m ON true
    WHERE reader.chat_id = $1::uuid AND reader.user_id = $2::uuid`,
};

/** Of a message that stands; null: it has none, or there is no such message. Undefined: not a member. */
export async function readAttachments(
  database: Queryable,
  { chatId, readerId, seq }: { chatId: string; readerId: string; seq: number },
): Promise<AttachmentRow[] | null | undefined> {
  const [row] = await database.query<{ attachments: AttachmentRow[] | null }>(selectForReader, [
    chatId,
    readerId,
    seq,
  ]);
  return row?.attachments;
}
