/** The life of a search task in the database. Whatever changes how many of a user's tasks are open is done under the user's lock. */
import type { Queryable, Statement } from "#platform/database.ts";
import {
  isOpen,
  type TaskAttempt,
  type TaskEnd,
  type TaskLoad,
  type TaskRow,
  taskColumns,
} from "#search/tasks/task-row.ts";

const isThere = "(t.expires_at IS NULL OR t.expires_at > clock_timestamp())";

const statements = {
  // Users whose hashes are alike wait for each other, which does no harm.
  lockUser: {
    name: "search.tasks.lock-user",
    text: "SELECT pg_advisory_xact_lock(1936028019, hashtext($1))",
  },
  load: {
    name: "search.tasks.load",
    text: `SELECT count(*) FILTER (WHERE ${isOpen}) AS open,
             count(*) FILTER (WHERE ${isOpen} AND t.queued_at IS NOT NULL) AS queued, count(*) AS kept,
             extract(epoch FROM min(t.expires_at) - clock_timestamp())::float8 * 1000 AS "expiresInMs"
           FROM search.tasks t WHERE t.user_id = $1 AND ${isThere}`,
  },
  add: {
    name: "search.tasks.add",
    text: `INSERT INTO search.tasks AS t (task_id, user_id, query, message_query, status, queued_at, created_at)
           VALUES ($1, $2, $3, $4, 'waiting', CASE WHEN $5 THEN clock_timestamp() END, clock_timestamp())
           RETURNING ${taskColumns}`,
  },
  find: {
    name: "search.tasks.find",
    text: `SELECT ${taskColumns} FROM search.tasks t WHERE t.task_id = $1 AND t.user_id = $2 AND ${isThere}`,
  },
  claim: {
    name: "search.tasks.claim",
    text: `UPDATE search.tasks t SET status = 'running', attempt = t.attempt + 1, started_at = clock_timestamp(),
             result_count = 0
           WHERE t.task_id = $1 AND ${isOpen} AND t.queued_at IS NOT NULL RETURNING ${taskColumns}`,
  },
  progress: {
    name: "search.tasks.progress",
    text: `UPDATE search.tasks t SET result_count = $3
           WHERE t.task_id = $1 AND t.attempt = $2 AND t.status = 'running' RETURNING t.task_id`,
  },
  putBack: {
    name: "search.tasks.put-back",
    text: `UPDATE search.tasks t SET status = 'waiting', started_at = NULL, result_count = 0
           WHERE t.task_id = $1 AND t.attempt = $2 AND t.status = 'running'`,
  },
  end: {
    name: "search.tasks.end",
    // One reading of the clock, so that a task is kept for as long as is set and not a moment longer.
    text: `WITH moment AS MATERIALIZED (SELECT clock_timestamp() AS at)
           UPDATE search.tasks t SET status = $3, partial = $4, result_count = $5, results_in = $6, error_code = $7,
             queued_at = NULL, finished_at = moment.at, expires_at = moment.at + $8 * interval '1 millisecond'
           FROM moment WHERE t.task_id = $1 AND t.attempt = $2 AND ${isOpen} RETURNING ${taskColumns}`,
  },
  again: {
    name: "search.tasks.again",
    text: `UPDATE search.tasks t SET status = 'waiting', queued_at = NULL, partial = false, result_count = 0,
             results_in = '', started_at = NULL, finished_at = NULL, expires_at = NULL
           WHERE t.task_id = $1 AND t.attempt = $2 AND t.status = 'done' AND ${isThere} RETURNING t.task_id`,
  },
  unqueued: {
    name: "search.tasks.unqueued",
    text: `SELECT t.task_id AS id FROM search.tasks t
           WHERE t.user_id = $1 AND t.status = 'waiting' AND t.queued_at IS NULL
           ORDER BY t.created_at, t.task_id LIMIT $2`,
  },
  queue: {
    name: "search.tasks.queue",
    text: "UPDATE search.tasks SET queued_at = clock_timestamp() WHERE task_id = $1",
  },
  remove: {
    name: "search.tasks.remove",
    text: `DELETE FROM search.tasks t WHERE t.task_id = $1 AND t.user_id = $2 AND ${isThere} RETURNING ${taskColumns}`,
  },
  expire: {
    name: "search.tasks.expire",
    text: `DELETE FROM search.tasks t WHERE t.task_id = $1 AND t.expires_at <= clock_timestamp()
           RETURNING ${taskColumns}`,
  },
  expiresIn: {
    name: "search.tasks.expires-in",
    text: `SELECT extract(epoch FROM t.expires_at - clock_timestamp())::float8 * 1000 AS ms FROM search.tasks t
           WHERE t.task_id = $1 AND t.attempt = $2 AND t.expires_at IS NOT NULL`,
  },
} satisfies Record<string, Statement>;

export interface NewTask {
  id: string;
  userId: string;
  query: string;
  messageQuery: Uint8Array | undefined;
}

const one = async (db: Queryable, statement: Statement, values: unknown[]): Promise<TaskRow | undefined> =>
  (await db.query<TaskRow>(statement, values))[0];

/** Until the end of the transaction. */
export async function lockUser(tx: Queryable, userId: string): Promise<void> {
  await tx.query(statements.lockUser, [userId]);
}

export async function loadOf(db: Queryable, userId: string): Promise<TaskLoad> {
  return (await db.query<TaskLoad & Record<string, unknown>>(statements.load, [userId]))[0]!;
}

export async function addTask(tx: Queryable, task: NewTask, isQueued: boolean): Promise<TaskRow> {
  const { id, userId, query, messageQuery = null } = task;
  return (await one(tx, statements.add, [id, userId, query, messageQuery, isQueued]))!;
}

export const findTask = (db: Queryable, id: string, userId: string) => one(db, statements.find, [id, userId]);

/** Undefined: it is gone or has ended. */
export const claimTask = (db: Queryable, id: string) => one(db, statements.claim, [id]);

/** Whether the attempt still is the latest, of a task that is still there. */
export async function noteProgress(db: Queryable, task: TaskAttempt, found: number): Promise<boolean> {
  return (await db.query(statements.progress, [task.id, task.attempt, found])).length > 0;
}

export async function putTaskBack(db: Queryable, { id, attempt }: TaskAttempt): Promise<void> {
  await db.query(statements.putBack, [id, attempt]);
}

/** Undefined: the attempt is not the latest any more. */
export function endTask(tx: Queryable, { id, attempt }: TaskAttempt, end: TaskEnd, expiryMs: number) {
  const { status, partial, resultCount, resultsIn, errorCode } = end;
  return one(tx, statements.end, [id, attempt, status, partial, resultCount, resultsIn, errorCode, expiryMs]);
}

/** Whether it waits again, from its end. */
export async function searchTaskAgain(tx: Queryable, { id, attempt }: TaskAttempt): Promise<boolean> {
  return (await tx.query(statements.again, [id, attempt])).length > 0;
}

/** The longest waiting first. */
export async function unqueuedTasks(tx: Queryable, userId: string, limit: number): Promise<string[]> {
  return (await tx.query<{ id: string }>(statements.unqueued, [userId, limit])).map(({ id }) => id);
}

export async function markQueued(tx: Queryable, id: string): Promise<void> {
  await tx.query(statements.queue, [id]);
}

export const removeTask = (tx: Queryable, id: string, userId: string) =>
  one(tx, statements.remove, [id, userId]);

export const expireTask = (db: Queryable, id: string) => one(db, statements.expire, [id]);

/** Of the end of this attempt; undefined: it is gone, or searched again. */
export async function expiresInMs(
  db: Queryable,
  { id, attempt }: Pick<TaskRow, "id" | "attempt">,
): Promise<number | undefined> {
  return (await db.query<{ ms: number }>(statements.expiresIn, [id, attempt]))[0]?.ms;
}
