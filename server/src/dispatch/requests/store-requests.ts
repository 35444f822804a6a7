/** The life of a request in the database, each step for many requests with one statement. */
import {
  type EndedRow,
  type NewRow,
  type ReleasedRow,
  type RequestRow,
  requestColumns,
  type SendingRow,
} from "#dispatch/requests/request-row.ts";
import type { Database, Statement } from "#platform/database.ts";

/**
 * Rows are found by their id. "IS NOT DISTINCT FROM" keeps the planner from going by the owner instead: all that a
 * process ever owned is found there, as long as nothing has cleaned the index.
 */
const statements = {
  add: {
    name: "dispatch.requests.add",
    // In one order for all processes: two that add the same keys wait for each other, and must not do so crosswise.
    text: `INSERT INTO dispatch.requests
             (id, user_id, key, processor, content_hash, text, may_use_paid, in_background, owner, status, due_at)
           SELECT g.*, 'waiting', clock_timestamp()
           FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::boolean[],
             $8::boolean[], $9::uuid[]) AS g (id, user_id, key, processor, content_hash, text, may_use_paid,
             in_background, owner)
           ORDER BY g.user_id, g.key
           ON CONFLICT (user_id, key) WHERE key IS NOT NULL DO NOTHING
           RETURNING id, created_at AS "createdAt"`,
  },
  findByKey: {
    name: "dispatch.requests.find-by-key",
    text: `SELECT ${requestColumns} FROM dispatch.requests r WHERE r.user_id = $1 AND r.key = $2`,
  },
  find: {
    name: "dispatch.requests.find",
    text: `SELECT ${requestColumns} FROM dispatch.requests r WHERE r.id = $1`,
  },
  sending: {
    name: "dispatch.requests.sending",
    text: `UPDATE dispatch.requests r SET status = 'sending', provider = g.provider, attempt = g.attempt
           FROM unnest($1::uuid[], $2::text[], $3::int[]) AS g (id, provider, attempt)
           WHERE r.id = g.id AND r.owner IS NOT DISTINCT FROM $4 RETURNING r.id`,
  },
  ended: {
    name: "dispatch.requests.ended",
    text: `UPDATE dispatch.requests r SET status = g.status, provider = g.provider, result = g.result,
             cost_micros = g.cost_micros, reason = g.reason, free_opens_at = to_timestamp(g.free_opens_at_ms / 1000),
             error_code = g.error_code, error_detail = g.error_detail,
             text = NULL, owner = NULL, ended_at = clock_timestamp()
           FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::float8[],
             $8::text[], $9::text[]) AS g (id, status, provider, result, cost_micros, reason, free_opens_at_ms,
             error_code, error_detail)
           WHERE r.id = g.id AND r.owner IS NOT DISTINCT FROM $10 RETURNING ${requestColumns}`,
  },
  release: {
    name: "dispatch.requests.release",
    // Those that wait for the same moment become due together, and are then taken in the order in which they came.
    text: `WITH given AS (
             SELECT * FROM unnest($1::uuid[], $2::float8[], $3::boolean[]) AS g (id, due_in_ms, may_sent)),
           gone AS (
             DELETE FROM dispatch.requests r USING given g
             WHERE r.id = g.id AND r.owner IS NOT DISTINCT FROM $4 AND NOT g.may_sent AND NOT r.in_background)
           UPDATE dispatch.requests r SET owner = NULL, in_background = true,
             status = CASE WHEN g.may_sent THEN r.status ELSE 'waiting' END,
             due_at = date_bin('250 milliseconds',
               clock_timestamp() + (g.due_in_ms + 250) * interval '1 millisecond', timestamptz 'epoch')
           FROM given g WHERE r.id = g.id AND r.owner IS NOT DISTINCT FROM $4 AND (g.may_sent OR r.in_background)`,
  },
  promote: {
    name: "dispatch.requests.promote",
    text: `UPDATE dispatch.requests r SET in_background = true
           WHERE r.id = $1 AND r.ended_at IS NULL AND (r.in_background OR $2 > (
             SELECT count(*) FROM (
               SELECT FROM dispatch.requests w
               WHERE w.user_id = r.user_id AND w.in_background AND w.ended_at IS NULL LIMIT $2) AS waiting))
           RETURNING ${requestColumns}`,
  },
  countWaiting: {
    name: "dispatch.requests.count-waiting",
    text: `SELECT count(*) AS count FROM (
             SELECT FROM dispatch.requests WHERE user_id = $1 AND in_background AND ended_at IS NULL LIMIT $2) AS waiting`,
  },
} satisfies Record<string, Statement>;

export type RequestStore = ReturnType<typeof createRequestStore>;

export function createRequestStore(database: Database, owner: string) {
  const column = <Row, Name extends keyof Row>(rows: readonly Row[], name: Name) =>
    rows.map((row) => row[name]);
  const one = async (statement: Statement, values: unknown[]): Promise<RequestRow | undefined> =>
    (await database.query<RequestRow>(statement, values))[0];
  return {
    /** By the id of each that was added, the time; the others have a key that is taken. */
    async add(rows: readonly NewRow[]): Promise<Map<string, Date>> {
      const added = await database.query<{ id: string; createdAt: Date }>(statements.add, [
        column(rows, "id"),
        column(rows, "userId"),
        column(rows, "key"),
        column(rows, "processor"),
        column(rows, "contentHash"),
        column(rows, "text"),
        column(rows, "mayUsePaid"),
        column(rows, "inBackground"),
        column(rows, "owner"),
      ]);
      return new Map(added.map(({ id, createdAt }) => [id, createdAt]));
    },
    findByKey: (userId: string, key: string) => one(statements.findByKey, [userId, key]),
    find: (id: string) => one(statements.find, [id]),
    /** Those that are still owned by this process. */
    async sending(rows: readonly SendingRow[]): Promise<Set<string>> {
      const values = [column(rows, "id"), column(rows, "provider"), column(rows, "attempt"), owner];
      return new Set(column(await database.query<{ id: string }>(statements.sending, values), "id"));
    },
    /** As they are now, those that were still owned by this process. */
    async ended(rows: readonly EndedRow[]): Promise<Map<string, RequestRow>> {
      const ended = await database.query<RequestRow>(statements.ended, [
        column(rows, "id"),
        column(rows, "status"),
        column(rows, "provider"),
        column(rows, "result"),
        column(rows, "costMicros"),
        column(rows, "reason"),
        column(rows, "freeOpensAtMs"),
        column(rows, "errorCode"),
        column(rows, "errorDetail"),
        owner,
      ]);
      return new Map(ended.map((row) => [row.id, row]));
    },
    /** Nobody may count on one that is not in the background: it is gone then, and its key is free. */
    async release(rows: readonly ReleasedRow[]): Promise<void> {
      const values = [column(rows, "id"), column(rows, "dueInMs"), column(rows, "maySent"), owner];
      await database.query(statements.release, values);
    },
    /** From now on it goes on in the background; undefined when it has ended or is gone, or `max` of its user do already. */
    promote: (id: string, max: number) => one(statements.promote, [id, max]),
    /** No more than `max`. */
    async countWaiting(userId: string, max: number): Promise<number> {
      return (await database.query<{ count: number }>(statements.countWaiting, [userId, max]))[0]!.count;
    },
  };
}
