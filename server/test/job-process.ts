/**
 * A process that asks for a job and works on it, to be killed. Its argument is JSON: databaseUrl, amqpUrl, service,
 * fate, and perhaps options of the queue. "hang": it says "begun" when it has a job, and never ends it. "die-published":
 * it kills itself when RabbitMQ has confirmed a message, before the row of the outbox is gone.
 */
import { createDatabase, type Database, type Queryable } from "#platform/database.ts";
import { createJobs } from "#platform/jobs/create-jobs.ts";
import { createLog } from "#platform/log.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { jobQueue } from "./job-queue.ts";

const { databaseUrl, amqpUrl, service, fate, queue: options = {} } = JSON.parse(process.argv[2]!);
const log = createLog("silent");
const limits = { maxConnections: 5, acquireTimeoutMs: 5_000, statementTimeoutMs: 5_000 };
const database = createDatabase(
  { connectionString: databaseUrl, applicationName: "job-process", ...limits },
  log,
);

function dyingAfterPublishing(whole: Database): Database {
  const dying = (tx: Queryable): Queryable => ({
    ...tx,
    query(statement, values) {
      if (statement.name === "job-outbox-remove") process.kill(process.pid, "SIGKILL");
      return tx.query(statement, values);
    },
  });
  return { ...whole, transaction: (work) => whole.transaction((tx) => work(dying(tx))) };
}

const jobs = createJobs({
  service,
  amqpUrl,
  database: fate === "die-published" ? dyingAfterPublishing(database) : database,
  maxWaiting: 1_000,
  telemetry: noTelemetry,
  log,
});
const queue = jobs.queue({ ...jobQueue, ...options }, async () => {
  process.stdout.write("begun\n");
  await new Promise(() => {});
});
await jobs.start();
await database.transaction((tx) => queue.enqueue(tx, { name: "precious" }));
queue.wake();
