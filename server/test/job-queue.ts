/** The queue that the tests of jobs use, in their own process and in others. */
import type { QueueOptions } from "#platform/jobs/jobs.ts";

export const jobQueue: QueueOptions = {
  name: "work",
  concurrency: 2,
  timeoutMs: 2_000,
  maxAttempts: 3,
  backoffMs: 50,
};
