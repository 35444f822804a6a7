/** What either engine is made of. */
import type { Database } from "#platform/database.ts";
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
