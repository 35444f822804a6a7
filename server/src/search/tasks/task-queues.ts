/** The jobs of search tasks: one that searches, and one that forgets the task when its time is over. */
import type { JobHandler, JobQueue, Jobs } from "#platform/jobs/jobs.ts";
import type { SearchConfig } from "#search/config.ts";

export interface RunJob {
  taskId: string;
}

export interface ExpireJob {
  taskId: string;
  /** Which ended; a later one has a job of its own. */
  attempt: number;
}

export interface TaskQueues {
  run: JobQueue<RunJob>;
  expire: JobQueue<ExpireJob>;
}

export interface TaskHandlers {
  run: JobHandler<RunJob>;
  expire: JobHandler<ExpireJob>;
}

export const runQueueName = "search-task";
/** Waits add up to two minutes: a messenger that is replaced is back by then. */
export const maxRunAttempts = 8;
/** For what is around the searching itself: writing results, and the end. */
const runMarginMs = 15_000;

export function createTaskQueues(jobs: Jobs, config: SearchConfig, handlers: TaskHandlers): TaskQueues {
  return {
    run: jobs.queue<RunJob>(
      {
        name: runQueueName,
        concurrency: config.PARLEY_SEARCH_WORKERS,
        timeoutMs: config.PARLEY_SEARCH_TASK_TIMEOUT_MS + runMarginMs,
        maxAttempts: maxRunAttempts,
        backoffMs: 1_000,
      },
      handlers.run,
    ),
    expire: jobs.queue<ExpireJob>(
      { name: "search-task-expiry", concurrency: 2, timeoutMs: 15_000, maxAttempts: 8, backoffMs: 1_000 },
      handlers.expire,
    ),
  };
}
