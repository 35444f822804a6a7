/** The hot path's only statement; its body is in migrations/0005-attachments.sql. */
import type { ValidSend } from "#messenger/group-commit.ts";
import { type MessageRow, messageColumns } from "#messenger/message-row.ts";
import { type IndexedTexts, notIndexed } from "#messenger/text-index/text-index.ts";
import type { Queryable, Statement } from "#platform/database.ts";

export type Refusal = "chat-not-found" | "forbidden" | "message-not-found" | "timeout" | "repeated";

export type StoreOutcome = { seq: number; no: number; createdAtMs: number } | { refusal: Refusal };

const sendMessages: Statement = {
  name: "messenger.send-messages",
  text: `SELECT at_ms, base_seqs, base_nos, nths, refusals, is_processed
    FROM messenger.send_messages($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::text[], $6::int[],
      $7::text[], $8::text[], $9::jsonb[])`,
};

type Stored = [
  atMs: number,
  baseSeqs: number[],
  baseNos: number[],
  nths: Array<number | null>,
  refusals: Array<Refusal | ""> | null,
  isProcessed: boolean,
];

export interface StoredSends {
  /** One per send, in their order. */
  outcomes: StoreOutcome[];
  /** Whether messages of some of the chats are processed. */
  isProcessed: boolean;
}

/** No two sends may have the same chat, sender and client id. */
export async function storeSends(
  database: Queryable,
  sends: readonly ValidSend[],
  { entries, newWords }: IndexedTexts = notIndexed,
): Promise<StoredSends> {
  const { chatIds, placeOf } = placesOf(sends);
  const places = sends.map((send) => placeOf.get(send.chatId)!);
  const [stored] = await database.queryArrays<Stored>(sendMessages, [
    chatIds,
    places,
    sends.map((send) => send.senderId),
    sends.map((send) => send.clientId),
    sends.map((send) => send.text),
    sends.map((send) => send.replyToSeq),
    entries,
    newWords,
    hasAttachments(sends) ? sends.map(({ attachments }) => attachments && JSON.stringify(attachments)) : null,
  ]);
  const [createdAtMs, baseSeqs, baseNos, nths, refusals, isProcessed] = stored!;
  const outcomes = places.map((place, index): StoreOutcome => {
    const nth = nths[index]!;
    if (nth === null) return { refusal: refusals![index] as Refusal };
    return { seq: baseSeqs[place - 1]! + nth, no: baseNos[place - 1]! + nth, createdAtMs };
  });
  return { outcomes, isProcessed };
}

export const hasAttachments = (sends: readonly ValidSend[]): boolean =>
  sends.some(({ attachments }) => attachments !== null);

/** The distinct chats in the order in which they are locked, and each one's place from 1. */
function placesOf(sends: readonly ValidSend[]) {
  const placeOf = new Map<string, number>();
  for (const send of sends) placeOf.set(send.chatId, 0);
  const chatIds = [...placeOf.keys()].sort();
  for (const [index, chatId] of chatIds.entries()) placeOf.set(chatId, index + 1);
  return { chatIds, placeOf };
}

const selectOriginals: Statement = {
  name: "messenger.select-originals",
  text: `SELECT ${messageColumns("m.sender_id")}, given.ordinal
    FROM unnest($1::uuid[], $2::uuid[], $3::text[]) WITH ORDINALITY AS given (chat_id, sender_id, client_id, ordinal)
    CROSS JOIN LATERAL (
      SELECT * FROM messenger.messages m
      WHERE m.chat_id = given.chat_id AND m.sender_id = given.sender_id AND m.client_id = given.client_id
      LIMIT 1
    ) m`,
};

/** The messages that these sends repeat, as they are now; undefined where there is none. */
export async function findOriginals(
  database: Queryable,
  sends: readonly ValidSend[],
): Promise<Array<MessageRow | undefined>> {
  const rows = await database.queryArrays<[...MessageRow, ordinal: number]>(selectOriginals, [
    sends.map((send) => send.chatId),
    sends.map((send) => send.senderId),
    sends.map((send) => send.clientId),
  ]);
  const found = new Map(rows.map((row) => [row.at(-1) as number, row as unknown as MessageRow]));
  return sends.map((_, index) => found.get(index + 1));
}
