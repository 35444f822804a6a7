/** pg-boss's tables as far as pg-boss has no call for it: looking at jobs, taking dead ones up again, handing back. */
import type { Queryable, Statement } from "#platform/database.ts";
import type { DeadJob, JobInspection, QueueCounts } from "#platform/jobs/jobs.ts";

/** As pg-boss keeps it; `data` is what was enqueued. */
export interface Envelope {
  data: object;
  /** Of the call that enqueued it, if that was recorded. */
  traceparent?: string;
}

export const bossSchema = (service: string) => `${service}_jobs`;

export interface StoredJobs extends JobInspection {
  /** Not running, and not dead. */
  countWaiting(): Promise<number>;
  /** A job that was begun, as if it had not been; only while it is still the same attempt. */
  handBack(queue: string, id: string, retryCount: number): Promise<void>;
}

export function createStoredJobs(database: Queryable, schema: string): StoredJobs {
  const statements = statementsFor(schema);
  const settle = async (statement: Statement, queue: string, ids?: readonly string[]) =>
    (await database.query(statement, [queue, ids ?? null])).length;
  return {
    counts: () => database.query<QueueCounts>(statements.counts),
    dead: (queue, limit) => database.query<DeadJob>(statements.dead, [queue, limit]),
    requeue: (queue, ids) => settle(statements.requeue, queue, ids),
    discard: (queue, ids) => settle(statements.discard, queue, ids),
    async countWaiting() {
      const [row] = await database.query<{ count: number }>(statements.countWaiting);
      return row!.count;
    },
    async handBack(queue, id, retryCount) {
      await database.query(statements.handBack, [queue, id, retryCount]);
    },
  };
}

function statementsFor(schema: string) {
  const statement = (name: string, text: string) => ({ name: `${schema}-${name}`, text });
  const job = `${schema}.job`;
  const deadOnes = "name = $1 AND state = 'failed' AND ($2::text[] IS NULL OR id::text = ANY($2))";
  return {
    counts: statement(
      "counts",
      `SELECT q.name AS queue,
         count(*) FILTER (WHERE j.state < 'active' AND j.start_after > now()) AS delayed,
         count(*) FILTER (WHERE j.state < 'active' AND j.start_after <= now()) AS waiting,
         count(*) FILTER (WHERE j.state = 'active') AS running,
         count(*) FILTER (WHERE j.state = 'failed') AS dead
       FROM ${schema}.queue q LEFT JOIN ${job} j ON j.name = q.name
       WHERE q.name NOT LIKE '\\_\\_pgboss%'
       GROUP BY q.name ORDER BY q.name`,
    ),
    countWaiting: statement("count-waiting", `SELECT count(*) FROM ${job} WHERE state < 'active'`),
    dead: statement(
      "dead",
      `SELECT id, name AS queue, data -> 'data' AS data, retry_count + 1 AS attempts,
         completed_on AS "failedAt", COALESCE(output ->> 'message', output #>> '{value,message}', '') AS error
       FROM ${job} WHERE name = $1 AND state = 'failed' ORDER BY completed_on DESC, id LIMIT $2`,
    ),
    requeue: statement(
      "requeue",
      `UPDATE ${job} SET state = 'created', retry_count = 0, started_on = NULL, completed_on = NULL, output = NULL,
         start_after = now(), keep_until = now() + interval '14 days'
       WHERE ${deadOnes} RETURNING id`,
    ),
    discard: statement("discard", `DELETE FROM ${job} WHERE ${deadOnes} RETURNING id`),
    handBack: statement(
      "hand-back",
      `UPDATE ${job} SET state = 'created', started_on = NULL, heartbeat_on = NULL, start_after = now()
       WHERE name = $1 AND id = $2 AND retry_count = $3 AND state = 'active' RETURNING id`,
    ),
  };
}
