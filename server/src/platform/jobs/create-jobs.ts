/** Which engine keeps the jobs: PostgreSQL, or RabbitMQ where AMQP_URL names one. */
import type { Database } from "#platform/database.ts";
import type { Jobs } from "#platform/jobs/jobs.ts";
import type { Log } from "#platform/log.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface JobsOptions {
  /** Whose jobs they are; names its schema and its queues. */
  service: string;
  /** The one that has the rows which ask for jobs. */
  database: Database;
  /** Undefined: PostgreSQL. */
  amqpUrl: string | undefined;
  maxWaiting: number;
  telemetry: Telemetry;
  log: Log;
}

export function createJobs(_options: JobsOptions): Jobs {
  return {
    queue: () => ({ enqueue: async () => {}, wake() {} }),
    inspection: {
      counts: async () => [],
      dead: async () => [],
      requeue: async () => 0,
      discard: async () => 0,
    },
    start: async () => {},
    stop: async () => {},
  };
}
