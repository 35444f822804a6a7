/** Finds what no job takes further any more. */
import type { Database, Queryable, Statement } from "#platform/database.ts";
import { isOpen, type TaskRow, taskColumns } from "#search/tasks/task-row.ts";

const statements = {
  removeExpired: {
    name: "search.sweep.expired",
    text: `DELETE FROM search.tasks t WHERE t.task_id IN (
             SELECT task_id FROM search.tasks
             WHERE expires_at < clock_timestamp() - $1 * interval '1 millisecond' ORDER BY expires_at LIMIT $2)
           RETURNING ${taskColumns}`,
  },
  open: {
    name: "search.sweep.open",
    text: `SELECT ${taskColumns} FROM search.tasks t WHERE t.task_id = ANY($1::uuid[]) AND ${isOpen}`,
  },
  olderThan: {
    name: "search.sweep.older-than",
    text: `SELECT ${taskColumns} FROM search.tasks t
           WHERE ${isOpen} AND t.created_at < clock_timestamp() - $1 * interval '1 millisecond'
           ORDER BY t.created_at LIMIT $2`,
  },
  // One statement takes a task once: another pod's sweep finds it queued just now.
  stale: {
    name: "search.sweep.stale",
    text: `UPDATE search.tasks t SET queued_at = clock_timestamp() WHERE t.task_id IN (
             SELECT task_id FROM search.tasks
             WHERE status IN ('waiting', 'running') AND queued_at < clock_timestamp() - $1 * interval '1 millisecond'
               AND coalesce(started_at, queued_at) < clock_timestamp() - $1 * interval '1 millisecond'
             ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)
           RETURNING t.task_id AS id`,
  },
  usersWaiting: {
    name: "search.sweep.users-waiting",
    text: `SELECT DISTINCT t.user_id AS "userId" FROM search.tasks t
           WHERE t.status = 'waiting' AND t.queued_at IS NULL AND $1 > (
             SELECT count(*) FROM search.tasks o
             WHERE o.user_id = t.user_id AND o.status IN ('waiting', 'running') AND o.queued_at IS NOT NULL)
           LIMIT $2`,
  },
  count: {
    name: "search.sweep.count",
    text: `SELECT count(*) FILTER (WHERE t.status = 'waiting') AS waiting,
             count(*) FILTER (WHERE t.status = 'running') AS running FROM search.tasks t WHERE ${isOpen}`,
  },
} satisfies Record<string, Statement>;

export interface OpenTasks extends Record<string, number> {
  waiting: number;
  running: number;
}

export type SweepStore = ReturnType<typeof createSweepStore>;

export function createSweepStore(database: Database) {
  return {
    removeExpired: (sinceMs: number, limit: number) =>
      database.query<TaskRow>(statements.removeExpired, [sinceMs, limit]),
    /** Of these. */
    open: (ids: readonly string[]) => database.query<TaskRow>(statements.open, [ids]),
    olderThan: (ageMs: number, limit: number) =>
      database.query<TaskRow>(statements.olderThan, [ageMs, limit]),
    /** Those that no worker has begun for so long count as queued from now on. */
    async takeStale(tx: Queryable, sinceMs: number, limit: number): Promise<string[]> {
      return (await tx.query<{ id: string }>(statements.stale, [sinceMs, limit])).map(({ id }) => id);
    },
    /** Who has waiting tasks that might be queued, as far as `maxQueued` goes. */
    async usersWaiting(maxQueued: number, limit: number): Promise<string[]> {
      const rows = await database.query<{ userId: string }>(statements.usersWaiting, [maxQueued, limit]);
      return rows.map(({ userId }) => userId);
    },
    count: async (): Promise<OpenTasks> => (await database.query<OpenTasks>(statements.count))[0]!,
  };
}
