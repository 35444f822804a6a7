/**
 * Messages that match, by one of four ways. Each reads as it is told: conditions that the planner must not choose an
 * index for stand outside of a subquery with OFFSET 0, which it does not look into.
 */
import { type MessageRow, messageColumns } from "#messenger/message-row.ts";
import type { Queryable, Statement } from "#platform/database.ts";

/** `selective`: by the words. `crossed`: by the words and by the chats, and what both name is read. `own-chats`: all of the chats' messages. `newest`: all messages, the newest first. */
export type Plan = "selective" | "crossed" | "own-chats" | "newest";

export interface HitPlace {
  createdAtMs: number;
  chatId: string;
  seq: number;
}

export interface HitSearch {
  /** What messages have to satisfy, as tsquery; undefined: any words. */
  condition: string | undefined;
  /** With the plan `selective`: what the index is asked, which may be less. */
  indexCondition: string | undefined;
  chatIds: readonly string[];
  senderIds: readonly string[];
  /** Exclusive. */
  before: HitPlace;
  notBeforeMs: number;
  limit: number;
  /** With the plan `newest`: how many messages are looked at. */
  maxRead: number;
}

export interface Candidate extends HitPlace {
  /** For each of the conditions "1" or "0". */
  satisfied: string;
  /** As ts_rank_cd says. */
  closeness: number;
  ageMs: number;
}

const inTime = `(m.created_at, m.chat_id, m.seq) < (to_timestamp($5::float8 / 1000), $6::uuid, $7::int)
    AND m.created_at >= to_timestamp($8::float8 / 1000)`;
const ofChats = "m.chat_id = ANY ($3::uuid[])";
// For thousands of chats the planner would guess about each of them, for longer than the statement takes. In this form
// it does not look into the list.
const amongChats = "(m.chat_id IN (SELECT unnest($3::uuid[]))) IS TRUE";
const matching = `m.deleted_at IS NULL AND ($1::text IS NULL OR m.words @@ $1::tsquery)
    AND (cardinality($4::uuid[]) = 0 OR m.sender_id = ANY ($4::uuid[]))`;
const newestFirst = "m.created_at DESC, m.chat_id DESC, m.seq DESC";

/** $2 and $10 stand in all of them, so that all take the same parameters. */
const hitsBy: Record<Plan, string> = {
  selective: `SELECT m.* FROM (SELECT * FROM messenger.messages WHERE words @@ $2::tsquery OFFSET 0) m
    WHERE ${amongChats} AND ${inTime} AND ${matching} AND $10::int IS NOT NULL
    ORDER BY ${newestFirst} LIMIT $9::int`,
  crossed: `SELECT m.* FROM (
      SELECT * FROM messenger.messages m WHERE words @@ $2::tsquery AND ${ofChats} OFFSET 0
    ) m
    WHERE ${inTime} AND ${matching} AND $10::int IS NOT NULL
    ORDER BY ${newestFirst} LIMIT $9::int`,
  "own-chats": `SELECT m.* FROM unnest($3::uuid[]) chat (chat_id) CROSS JOIN LATERAL (
      SELECT * FROM messenger.messages WHERE chat_id = chat.chat_id OFFSET 0
    ) m
    WHERE ${inTime} AND ${matching} AND ($2::text IS NULL OR true) AND $10::int IS NOT NULL
    ORDER BY ${newestFirst} LIMIT $9::int`,
  newest: `SELECT m.* FROM (
      SELECT m.* FROM messenger.messages m WHERE ${inTime} ORDER BY ${newestFirst} LIMIT $10::int
    ) m
    WHERE ${amongChats} AND ${matching} AND ($2::text IS NULL OR true) LIMIT $9::int`,
};

const plans = Object.keys(hitsBy) as Plan[];
const statements = (name: string, around: (hits: string) => string): Record<Plan, Statement> =>
  Object.fromEntries(
    plans.map((plan) => [plan, { name: `messenger.${name}-${plan}`, text: around(hitsBy[plan]) }]),
  ) as Record<Plan, Statement>;

const placeColumns = `date_part('epoch', m.created_at) * 1000 AS "createdAtMs", m.chat_id AS "chatId", m.seq`;

export const selectHits = statements("select-hits", (hits) => `SELECT ${placeColumns} FROM (${hits}) m`);

export const selectCandidates = statements(
  "select-candidates",
  (hits) => `SELECT ${placeColumns},
    (SELECT COALESCE(string_agg(CASE WHEN m.words @@ probe.condition THEN '1' ELSE '0' END, '' ORDER BY probe.place), '')
      FROM unnest($11::tsquery[]) WITH ORDINALITY AS probe (condition, place)) AS satisfied,
    CASE WHEN $1::text IS NULL THEN 0 ELSE ts_rank_cd(m.words, $1::tsquery) END AS closeness,
    date_part('epoch', clock_timestamp() - m.created_at) * 1000 AS "ageMs"
  FROM (${hits}) m`,
);

export const hitParameters = (search: HitSearch): unknown[] => [
  search.condition ?? null,
  search.indexCondition ?? null,
  search.chatIds,
  search.senderIds,
  search.before.createdAtMs,
  search.before.chatId,
  search.before.seq,
  search.notBeforeMs,
  search.limit,
  search.maxRead,
];

/** The newest first. */
export const findHits = (tx: Queryable, plan: Plan, search: HitSearch): Promise<HitPlace[]> =>
  tx.query<HitPlace & { [column: string]: unknown }>(selectHits[plan], hitParameters(search));

/** The newest first, each with which of `conditions` it satisfies. */
export const findCandidates = (
  tx: Queryable,
  plan: Plan,
  search: HitSearch,
  conditions: readonly string[],
): Promise<Candidate[]> =>
  tx.query<Candidate & { [column: string]: unknown }>(selectCandidates[plan], [
    ...hitParameters(search),
    conditions,
  ]);

/** In one statement, so that what is committed meanwhile cannot come between the hits and how far the walk got. */
export const selectWalk: Statement = {
  name: "messenger.select-walk",
  text: `SELECT date_part('epoch', edge.created_at) * 1000, edge.chat_id, edge.seq,
      date_part('epoch', hit.created_at) * 1000, hit.chat_id, hit.seq
    FROM (SELECT 1) one
    LEFT JOIN (
      SELECT m.created_at, m.chat_id, m.seq FROM messenger.messages m WHERE ${inTime}
      ORDER BY ${newestFirst} LIMIT 1 OFFSET $10::int - 1
    ) edge ON true
    LEFT JOIN (${hitsBy.newest}) hit ON true`,
};

type WalkRow = [number | null, string, number, number | null, string, number];

/** The newest first; and the place that the walk got to, undefined when there is nothing beyond. */
export async function walkHits(
  tx: Queryable,
  search: HitSearch,
): Promise<{ hits: HitPlace[]; reached: HitPlace | undefined }> {
  const rows = await tx.queryArrays<WalkRow>(selectWalk, hitParameters(search));
  const [edgeMs = null, edgeChat = "", edgeSeq = 0] = rows[0] ?? [];
  return {
    hits: rows.flatMap(([, , , createdAtMs, chatId, seq]) =>
      createdAtMs === null ? [] : [{ createdAtMs, chatId, seq }],
    ),
    reached: edgeMs === null ? undefined : { createdAtMs: edgeMs, chatId: edgeChat, seq: edgeSeq },
  };
}

const selectFound: Statement = {
  name: "messenger.select-found-messages",
  text: `SELECT ${messageColumns("$1::uuid")}, given.chat_id, given.place::int
    FROM unnest($2::uuid[], $3::int[]) WITH ORDINALITY AS given (chat_id, seq, place)
    JOIN messenger.members reader ON reader.chat_id = given.chat_id AND reader.user_id = $1::uuid
    CROSS JOIN LATERAL (
      SELECT * FROM messenger.messages m WHERE m.chat_id = given.chat_id AND m.seq = given.seq LIMIT 1
    ) m
    WHERE ${matching.replaceAll("$1::", "$5::")} 
      AND m.created_at < to_timestamp($6::float8 / 1000) AND m.created_at >= to_timestamp($7::float8 / 1000)
    ORDER BY given.place`,
};

export interface FoundMessage {
  chatId: string;
  row: MessageRow;
  /** Of what was asked for, from 0. */
  place: number;
}

/** Of these messages, those that the reader may read now and that match now; in the order given. */
export async function readFound(
  tx: Queryable,
  readerId: string,
  places: ReadonlyArray<Pick<HitPlace, "chatId" | "seq">>,
  search: Pick<HitSearch, "condition" | "senderIds" | "notBeforeMs"> & { beforeMs: number },
): Promise<FoundMessage[]> {
  if (places.length === 0) return [];
  const rows = await tx.queryArrays<[...MessageRow, chatId: string, place: number]>(selectFound, [
    readerId,
    places.map(({ chatId }) => chatId),
    places.map(({ seq }) => seq),
    search.senderIds,
    search.condition ?? null,
    search.beforeMs,
    search.notBeforeMs,
  ]);
  return rows.map((row) => ({
    chatId: row.at(-2) as string,
    row: row as unknown as MessageRow,
    place: (row.at(-1) as number) - 1,
  }));
}
