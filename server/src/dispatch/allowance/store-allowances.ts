/** What users have used of their allowances, by the database's clock. */
import type { Database, Statement } from "#platform/database.ts";

/** Without a row of its own the statement would answer nothing when the allowance is spent. */
const now = `now AS (
  SELECT floor(t / 86400)::int AS day, (floor(t / 86400) + 1) * 86400000 AS "endsAtMs",
    (floor(t / 86400) + 1) * 86400000 - t * 1000 AS "endsInMs"
  FROM (SELECT date_part('epoch', clock_timestamp()) AS t) AS clock)`;

const statements = {
  // Many at once wait for the row, and each then sees what the one before it has left. Who has none left need not wait.
  take: {
    name: "dispatch.allowances.take",
    text: `WITH ${now}, taken AS (
             INSERT INTO dispatch.allowances AS a (day, user_id, used)
             SELECT day, $1, 1 FROM now WHERE $2::int > 0 AND NOT EXISTS (
               SELECT FROM dispatch.allowances s WHERE s.day = now.day AND s.user_id = $1 AND s.used >= $2::int)
             ON CONFLICT (day, user_id) DO UPDATE SET used = a.used + 1 WHERE a.used < $2::int
             RETURNING used)
           SELECT now.*, taken.used FROM now LEFT JOIN taken ON true`,
  },
  giveBack: {
    name: "dispatch.allowances.give-back",
    text: "UPDATE dispatch.allowances SET used = used - 1 WHERE day = $1 AND user_id = $2 AND used > 0",
  },
  read: {
    name: "dispatch.allowances.read",
    text: `WITH ${now}
           SELECT now.*, coalesce(a.used, 0) AS used
           FROM now LEFT JOIN dispatch.allowances a ON a.day = now.day AND a.user_id = $1`,
  },
  sweep: {
    name: "dispatch.allowances.sweep",
    text: `WITH ${now}, gone AS (
             DELETE FROM dispatch.allowances WHERE (day, user_id) IN (
               SELECT a.day, a.user_id FROM dispatch.allowances a
               WHERE a.day < (SELECT day FROM now) - 1 LIMIT $1 FOR UPDATE SKIP LOCKED)
             RETURNING 1)
           SELECT count(*) AS count FROM gone`,
  },
} satisfies Record<string, Statement>;

export interface AllowanceDay {
  /** Since 1970. */
  readonly day: number;
  /** Milliseconds since 1970. */
  readonly endsAtMs: number;
  readonly endsInMs: number;
}

export type AllowanceStore = ReturnType<typeof createAllowanceStore>;

export function createAllowanceStore(database: Database) {
  return {
    /** Counts one more. `used` is null, and nothing counted, when that would be more than the limit. */
    async take(userId: string, limit: number): Promise<AllowanceDay & { used: number | null }> {
      const rows = await database.query<AllowanceDay & { used: number | null }>(statements.take, [
        userId,
        limit,
      ]);
      return rows[0]!;
    },
    async giveBack(userId: string, day: number): Promise<void> {
      await database.query(statements.giveBack, [day, userId]);
    },
    async read(userId: string): Promise<AllowanceDay & { used: number }> {
      return (await database.query<AllowanceDay & { used: number }>(statements.read, [userId]))[0]!;
    },
    /** Removes at most so many rows of days before yesterday, which nothing is given back to any more; answers how many. */
    async sweep(limit: number): Promise<number> {
      return (await database.query<{ count: number }>(statements.sweep, [limit]))[0]!.count;
    },
  };
}
