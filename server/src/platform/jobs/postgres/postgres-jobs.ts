/** Jobs kept in PostgreSQL, by pg-boss. See docs/decisions/0030-jobs.md. */
import { PgBoss } from "pg-boss";
import { createJobMetrics } from "#platform/jobs/job-metrics.ts";
import type { Jobs } from "#platform/jobs/jobs.ts";
import type { JobsOptions } from "#platform/jobs/jobs-options.ts";
import { bossDatabase } from "#platform/jobs/postgres/boss-database.ts";
import { createPostgresQueue, type PostgresQueue } from "#platform/jobs/postgres/postgres-queue.ts";
import { bossSchema, createStoredJobs } from "#platform/jobs/postgres/stored-jobs.ts";
import { createWaitingLimit } from "#platform/jobs/waiting-limit.ts";
import { createLogInterval } from "#platform/log-interval.ts";
import { oneAtATime } from "#platform/migrate.ts";

/** How soon a job is handed out again whose process was killed, after its timeout; one pod at a time looks. */
const superviseSeconds = 2;
const never = 86_400;

export function createPostgresJobs({ service, database, maxWaiting, telemetry, log }: JobsOptions): Jobs {
  const schema = bossSchema(service);
  const stored = createStoredJobs(database, schema);
  const boss = new PgBoss({
    db: bossDatabase(database),
    schema,
    superviseIntervalSeconds: superviseSeconds,
    monitorIntervalSeconds: superviseSeconds,
    maintenanceIntervalSeconds: 600,
    warningQueueSize: maxWaiting,
    // Schedules and jobs that depend on others are not used.
    schedule: false,
    flowIntervalSeconds: never,
  });
  const isTimeToLog = createLogInterval(10_000);
  const onError = (error: unknown) => {
    if (isTimeToLog()) log.warn({ err: error }, "the jobs in the database cannot be worked off");
  };
  boss.on("error", (error) => onError(error instanceof Error ? error : asError(error)));
  boss.on("warning", ({ message }) => log.warn({ reason: message }, "pg-boss warns"));
  const queues: PostgresQueue<object>[] = [];
  const limit = createWaitingLimit({ maxWaiting, count: () => stored.countWaiting() });
  const running = () => queues.map((queue): [string, number] => [queue.name, queue.running]);
  const metrics = createJobMetrics({ telemetry, inspection: stored, running });
  return {
    queue(options, handler) {
      const queue = createPostgresQueue(options, handler, {
        boss,
        stored,
        limit,
        metrics,
        telemetry,
        onError,
      });
      queues.push(queue as unknown as PostgresQueue<object>);
      return queue;
    },
    inspection: stored,
    async start() {
      try {
        // pg-boss makes its schema without asking whether another pod is at it.
        await oneAtATime(database, async () => {
          await boss.start();
          await Promise.all(queues.map((queue) => queue.declare()));
        });
      } catch (error) {
        // Its timers would go on.
        await boss.stop({ graceful: false, close: false }).catch(() => {});
        throw error;
      }
      for (const queue of queues) queue.start();
    },
    async stop(deadlineMs) {
      await Promise.all(queues.map((queue) => queue.stop(deadlineMs)));
      await boss.stop({ graceful: false, close: false });
    },
  };
}

/** pg-boss hands on some errors as plain objects. */
function asError(given: unknown): Error {
  const { message, code } = given as { message?: string; code?: string };
  return new Error(typeof code === "string" ? `SQLSTATE ${code}` : message);
}
