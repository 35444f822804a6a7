/** All jobs that a database keeps, whichever engine put them there and whether or not a Parley runs: for `parley jobs`. */
import { connect } from "amqplib";
import type { Database } from "#platform/database.ts";
import { answered } from "#platform/jobs/amqp/amqp-link.ts";
import { createOutbox } from "#platform/jobs/amqp/outbox.ts";
import { brokerQueue } from "#platform/jobs/amqp/topology.ts";
import type { JobInspection } from "#platform/jobs/jobs.ts";
import { createStoredJobs } from "#platform/jobs/postgres/stored-jobs.ts";

export interface KeptJobs extends JobInspection {
  engine: "PostgreSQL" | "RabbitMQ";
  service: string;
}

const findSchemas = {
  name: "job-schemas",
  text: `SELECT n.nspname AS schema FROM pg_namespace n
    WHERE n.nspname LIKE '%\\_jobs' AND to_regclass(quote_ident(n.nspname) || '.job_common') IS NOT NULL ORDER BY 1`,
};
const hasOutbox = {
  name: "job-outbox-exists",
  text: "SELECT to_regclass('job_outbox.queues') IS NOT NULL AS exists",
};
const findServices = {
  name: "job-outbox-services",
  text: "SELECT DISTINCT service FROM job_outbox.queues ORDER BY 1",
};

export async function findKeptJobs(database: Database): Promise<KeptJobs[]> {
  const found: KeptJobs[] = [];
  for (const { schema } of await database.query<{ schema: string }>(findSchemas)) {
    const service = schema.replace(/_jobs$/, "");
    found.push({ engine: "PostgreSQL", service, ...createStoredJobs(database, schema) });
  }
  const [outbox] = await database.query<{ exists: boolean }>(hasOutbox);
  if (!outbox?.exists) return found;
  for (const { service } of await database.query<{ service: string }>(findServices)) {
    found.push({ engine: "RabbitMQ", service, ...createOutbox(database, service) });
  }
  return found;
}

const brokerTimeoutMs = 5_000;

/** Ready messages by queue; undefined when RabbitMQ does not answer. */
export async function countInBroker(
  url: string,
  service: string,
  queues: readonly string[],
): Promise<Map<string, number> | undefined> {
  try {
    const connection = await connect(url, { timeout: brokerTimeoutMs });
    connection.on("error", () => {});
    const count = async (queue: string): Promise<[string, number]> => {
      const channel = await connection.createChannel();
      channel.on("error", () => {});
      // The channel does not survive the question about a queue that is not there.
      const answer = await channel.checkQueue(brokerQueue(service, queue)).catch(() => undefined);
      return [queue, answer?.messageCount ?? 0];
    };
    const counts = await answered(Promise.all(queues.map(count)), brokerTimeoutMs);
    await answered(connection.close(), brokerTimeoutMs);
    return new Map(counts);
  } catch {
    return undefined;
  }
}
