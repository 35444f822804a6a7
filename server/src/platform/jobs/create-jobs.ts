/** Which engine keeps the jobs: PostgreSQL, or RabbitMQ where AMQP_URL names one. */
import { createAmqpJobs } from "#platform/jobs/amqp/amqp-jobs.ts";
import type { Jobs } from "#platform/jobs/jobs.ts";
import type { JobsOptions } from "#platform/jobs/jobs-options.ts";
import { createPostgresJobs } from "#platform/jobs/postgres/postgres-jobs.ts";

export function createJobs(options: JobsOptions): Jobs {
  const { amqpUrl } = options;
  return amqpUrl === undefined ? createPostgresJobs(options) : createAmqpJobs({ ...options, amqpUrl });
}
