/** The messages whose texts await their processing: the table messenger.processing, see migrations/0003-chat-processors.sql. */
import type { ProcessedRow } from "#messenger/message-row.ts";
import type { Queryable, Statement } from "#platform/database.ts";

/** A text that awaits its processing. Of a later edit of the message the seq is another. */
export interface TextPlace {
  chatId: string;
  messageSeq: number;
  seq: number;
}

export interface ClaimedText extends TextPlace {
  processor: string;
  /** Who is charged. */
  userId: string;
  mayUsePaid: boolean;
  /** With this one. */
  attempts: number;
  /** Since the text was written. */
  ageMs: number;
  /** Undefined: the text was edited or deleted meanwhile. */
  text: string | undefined;
}

// The lock is a row's at a time and SKIP LOCKED waits for nobody. Materialised, so that it is taken once.
const claim: Statement = {
  name: "messenger.claim-processing",
  text: `WITH due AS MATERIALIZED (
      SELECT chat_id, message_seq FROM messenger.processing
      WHERE due_at <= statement_timestamp() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
    )
    UPDATE messenger.processing p
    SET due_at = clock_timestamp() + $2::float8 * interval '1 millisecond', attempts = p.attempts + 1
    FROM due WHERE p.chat_id = due.chat_id AND p.message_seq = due.message_seq
    RETURNING p.chat_id AS "chatId", p.message_seq AS "messageSeq", p.seq, p.processor, p.user_id AS "userId",
      p.may_use_paid AS "mayUsePaid", p.attempts,
      date_part('epoch', clock_timestamp() - p.created_at) * 1000 AS "ageMs"`,
};

// A statement of its own: the one that claims may lock a row that is newer than the messages it sees.
const selectTexts: Statement = {
  name: "messenger.select-processing-texts",
  text: `SELECT given.ordinal, m.text
    FROM unnest($1::uuid[], $2::int[], $3::int[]) WITH ORDINALITY AS given (chat_id, message_seq, seq, ordinal)
    CROSS JOIN LATERAL (
      SELECT 1 FROM messenger.processing p
      WHERE p.chat_id = given.chat_id AND p.message_seq = given.message_seq AND p.seq = given.seq LIMIT 1
    ) p
    CROSS JOIN LATERAL (
      SELECT text FROM messenger.messages m
      WHERE m.chat_id = given.chat_id AND m.seq = given.message_seq LIMIT 1
    ) m`,
};

/** At most `limit` texts that are due; for so long nobody else gets them. */
export async function claimTexts(
  database: Queryable,
  { limit, leaseMs }: { limit: number; leaseMs: number },
): Promise<ClaimedText[]> {
  const claimed = await database.query<Omit<ClaimedText, "text">>(claim, [limit, leaseMs]);
  if (claimed.length === 0) return [];
  const rows = await database.queryArrays<[ordinal: number, text: string]>(selectTexts, [
    claimed.map(({ chatId }) => chatId),
    claimed.map(({ messageSeq }) => messageSeq),
    claimed.map(({ seq }) => seq),
  ]);
  const texts = new Map(rows);
  return claimed.map((place, index) => ({ ...place, text: texts.get(index + 1) }));
}

const defer: Statement = {
  name: "messenger.defer-processing",
  text: `UPDATE messenger.processing SET due_at = clock_timestamp() + $4::float8 * interval '1 millisecond'
    WHERE chat_id = $1 AND message_seq = $2 AND seq = $3`,
};

/** It is due again after so long. */
export async function deferText(database: Queryable, place: TextPlace, delayMs: number): Promise<void> {
  await database.query(defer, [place.chatId, place.messageSeq, place.seq, delayMs]);
}

const end: Statement = {
  name: "messenger.end-processing",
  text: `DELETE FROM messenger.processing WHERE chat_id = $1 AND message_seq = $2 AND seq = $3`,
};

/** Nothing will be made of this text. */
export async function endText(database: Queryable, place: TextPlace): Promise<void> {
  await database.query(end, [place.chatId, place.messageSeq, place.seq]);
}

const attach: Statement = {
  name: "messenger.attach-processed",
  text: `WITH ended AS (
      DELETE FROM messenger.processing WHERE chat_id = $1 AND message_seq = $2 AND seq = $3 RETURNING 1
    )
    UPDATE messenger.messages SET processed = $4::json
    WHERE chat_id = $1 AND seq = $2 AND EXISTS (SELECT FROM ended)
    RETURNING seq`,
};

/** Under the lock on the chat. False: the text was processed already, or is no more. */
export async function attachProcessed(
  tx: Queryable,
  { chatId, messageSeq, seq }: TextPlace,
  processed: ProcessedRow,
): Promise<boolean> {
  const rows = await tx.query(attach, [chatId, messageSeq, seq, JSON.stringify(processed)]);
  return rows.length > 0;
}

const queueEdited: Statement = {
  name: "messenger.queue-edited",
  text: `INSERT INTO messenger.processing
      (chat_id, message_seq, seq, processor, user_id, may_use_paid, created_at, due_at)
    SELECT chat_id, $2, $3, processor, processor_set_by, processor_may_pay, clock_timestamp(), clock_timestamp()
    FROM messenger.chats WHERE chat_id = $1
    ON CONFLICT (chat_id, message_seq) DO UPDATE SET
      seq = excluded.seq, processor = excluded.processor, user_id = excluded.user_id,
      may_use_paid = excluded.may_use_paid, created_at = excluded.created_at, due_at = excluded.due_at, attempts = 0`,
};

/** Under the lock on the chat, which has a processor: the edit's text takes the place of the one before. */
export async function queueEditedText(tx: Queryable, place: TextPlace): Promise<void> {
  await tx.query(queueEdited, [place.chatId, place.messageSeq, place.seq]);
}

const forgetMessage: Statement = {
  name: "messenger.forget-processing",
  text: `DELETE FROM messenger.processing WHERE chat_id = $1 AND message_seq = $2`,
};

/** Under the lock on the chat, which has no processor: what was to be made of the former text is not wanted any more. */
export async function forgetFormerText(tx: Queryable, place: Omit<TextPlace, "seq">): Promise<void> {
  await tx.query(forgetMessage, [place.chatId, place.messageSeq]);
}

const updateProcessor: Statement = {
  name: "messenger.update-processor",
  text: `UPDATE messenger.chats SET processor = $2, processor_set_by = $3, processor_may_pay = $4 WHERE chat_id = $1`,
};

export interface ChosenProcessor {
  /** Empty: none. */
  processor: string;
  userId: string;
  mayPay: boolean;
}

/** Under the lock on the chat. Texts that wait already stay with the processor of then. */
export async function setProcessor(tx: Queryable, chatId: string, chosen: ChosenProcessor): Promise<void> {
  await tx.query(updateProcessor, [chatId, chosen.processor, chosen.userId, chosen.mayPay]);
}
