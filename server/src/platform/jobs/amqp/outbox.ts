/** All SQL of the outbox: jobs until RabbitMQ has them, those that wait for their next attempt, and the dead ones. */
import { join } from "node:path";
import type { Database, Queryable, Statement } from "#platform/database.ts";
import type { DeadJob, JobInspection, QueueCounts } from "#platform/jobs/jobs.ts";
import type { Log } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";

const outboxSchema = "job_outbox";

export interface OutboxMessage {
  id: string;
  queue: string;
  attempt: number;
  data: unknown;
  traceparent: string | null;
}

export interface Outbox extends JobInspection {
  migrate(log: Log): Promise<void>;
  declareQueues(queues: readonly string[]): Promise<void>;
  /** Waits so long; one that is there already is put off. */
  put(tx: Queryable, message: OutboxMessage, afterMs: number): Promise<void>;
  /** Locks them until the end of the transaction; other pods take others meanwhile. */
  takeDue(tx: Queryable, queue: string, limit: number): Promise<OutboxMessage[]>;
  remove(tx: Queryable, ids: readonly string[]): Promise<void>;
  countWaiting(): Promise<number>;
  bury(message: OutboxMessage, error: string): Promise<void>;
  forgetOldDead(): Promise<void>;
}

const deadDays = 7;

export function createOutbox(database: Database, service: string): Outbox {
  const settle = async (statement: Statement, queue: string, ids?: readonly string[]) =>
    (await database.query(statement, [service, queue, ids ?? null])).length;
  return {
    migrate: (log) => migrate(database, outboxSchema, join(import.meta.dirname, "migrations"), log),
    async declareQueues(queues) {
      await database.query(declareQueues, [service, queues]);
    },
    async put(tx, { id, queue, attempt, data, traceparent }, afterMs) {
      await tx.query(put, [id, service, queue, afterMs, attempt, JSON.stringify(data), traceparent]);
    },
    takeDue: (tx, queue, limit) => tx.query<OutboxMessage>(takeDue, [service, queue, limit]),
    async remove(tx, ids) {
      await tx.query(remove, [ids]);
    },
    async countWaiting() {
      const [row] = await database.query<{ count: number }>(countWaiting, [service]);
      return row!.count;
    },
    async bury({ id, queue, attempt, data }, error) {
      await database.query(bury, [id, service, queue, JSON.stringify(data), attempt, error]);
    },
    async forgetOldDead() {
      await database.query(forgetOldDead, [service, deadDays]);
    },
    counts: () => database.query<QueueCounts>(counts, [service]),
    dead: (queue, limit) => database.query<DeadJob>(dead, [service, queue, limit]),
    requeue: (queue, ids) => settle(requeue, queue, ids),
    discard: (queue, ids) => settle(discard, queue, ids),
  };
}

const statement = (name: string, text: string) => ({ name: `job-outbox-${name}`, text });

const declareQueues = statement(
  "declare-queues",
  "INSERT INTO job_outbox.queues (service, queue) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING",
);

const put = statement(
  "put",
  `INSERT INTO job_outbox.messages (job_id, service, queue, due_at, attempt, data, traceparent)
   VALUES ($1, $2, $3, now() + $4::float8 * interval '1 ms', $5, $6, $7)
   ON CONFLICT (job_id) DO UPDATE SET due_at = EXCLUDED.due_at, attempt = EXCLUDED.attempt`,
);

const takeDue = statement(
  "take-due-of-queue",
  `SELECT job_id AS id, queue, attempt, data, traceparent FROM job_outbox.messages
   WHERE service = $1 AND queue = $2 AND due_at <= now() ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED`,
);

const remove = statement("remove", "DELETE FROM job_outbox.messages WHERE job_id = ANY($1::uuid[])");

const countWaiting = statement(
  "count-waiting",
  "SELECT count(*) FROM job_outbox.messages WHERE service = $1",
);

const bury = statement(
  "bury",
  `INSERT INTO job_outbox.dead (job_id, service, queue, data, attempts, failed_at, error)
   VALUES ($1, $2, $3, $4, $5, now(), $6)
   ON CONFLICT (job_id) DO UPDATE SET attempts = EXCLUDED.attempts, failed_at = now(), error = EXCLUDED.error`,
);

const forgetOldDead = statement(
  "forget-old-dead",
  "DELETE FROM job_outbox.dead WHERE service = $1 AND failed_at < now() - $2::int * interval '1 day'",
);

const counts = statement(
  "counts",
  `SELECT q.queue,
     (SELECT count(*) FROM job_outbox.messages m
      WHERE m.service = q.service AND m.queue = q.queue AND m.due_at > now()) AS delayed,
     (SELECT count(*) FROM job_outbox.messages m
      WHERE m.service = q.service AND m.queue = q.queue AND m.due_at <= now()) AS waiting,
     0 AS running,
     (SELECT count(*) FROM job_outbox.dead d WHERE d.service = q.service AND d.queue = q.queue) AS dead
   FROM job_outbox.queues q WHERE q.service = $1 ORDER BY q.queue`,
);

const dead = statement(
  "dead",
  `SELECT job_id AS id, queue, data, attempts, failed_at AS "failedAt", error FROM job_outbox.dead
   WHERE service = $1 AND queue = $2 ORDER BY failed_at DESC, job_id LIMIT $3`,
);

const deadOnes = "service = $1 AND queue = $2 AND ($3::text[] IS NULL OR job_id::text = ANY($3))";

const requeue = statement(
  "requeue",
  `WITH raised AS (DELETE FROM job_outbox.dead WHERE ${deadOnes} RETURNING *)
   INSERT INTO job_outbox.messages (job_id, service, queue, due_at, attempt, data)
   SELECT job_id, service, queue, now(), 1, data FROM raised
   ON CONFLICT (job_id) DO UPDATE SET due_at = EXCLUDED.due_at, attempt = EXCLUDED.attempt RETURNING job_id`,
);

const discard = statement("discard", `DELETE FROM job_outbox.dead WHERE ${deadOnes} RETURNING job_id`);
