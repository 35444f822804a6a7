/**
 * What jobs cannot see to themselves: jobs that died, or were thrown away by hand or with their broker. So that no task
 * stays open for ever, and none is kept for ever.
 */
import type { Database } from "#platform/database.ts";
import type { DeadJob, JobInspection } from "#platform/jobs/jobs.ts";
import type { Log } from "#platform/log.ts";
import { createPeriodic, type Periodic } from "#platform/periodic.ts";
import { isUuid } from "#platform/uuid.ts";
import type { SearchConfig } from "#search/config.ts";
import type { Results } from "#search/results/results.ts";
import type { SearchMetrics } from "#search/search-metrics.ts";
import { createSweepStore, type SweepStore } from "#search/store-sweep.ts";
import type { Tasks } from "#search/tasks/create-tasks.ts";
import { runQueueName, type TaskQueues } from "#search/tasks/task-queues.ts";
import { failedWith } from "#search/tasks/task-row.ts";

export interface SweepParts {
  config: SearchConfig;
  database: Database;
  tasks: Tasks;
  results: Results;
  queues: TaskQueues;
  inspection: JobInspection;
  metrics: SearchMetrics;
}

const everyMs = 15_000;
const rowsPerRun = 200;
/** That long its own job has had. */
const expiredForMs = 30_000;
/** Past what a queue that is merely long keeps a task waiting; one job too many does no harm. */
const staleMs = 600_000;
/** A task that nobody got to in a day is not waited for any more. */
const givenUpMs = 86_400_000;
const givenUp = failedWith("search-unavailable");

export const createSweeper = (parts: SweepParts, log: Log): Periodic =>
  createPeriodic({
    everyMs,
    run: () => sweep(parts),
    onError: (error) => log.warn({ err: error }, "search tasks could not be swept"),
  });

/** One run; bounded. */
export async function sweep(parts: SweepParts, ages = { expiredForMs, staleMs, givenUpMs }): Promise<void> {
  const { config, database, tasks, results, queues, metrics } = parts;
  const store = createSweepStore(database);
  metrics.open(await store.count());
  for (const task of await store.removeExpired(ages.expiredForMs, rowsPerRun)) await results.remove(task);
  await failThoseOfDeadJobs(parts, store);
  for (const task of await store.olderThan(ages.givenUpMs, rowsPerRun)) await tasks.end(task, givenUp);
  await database.transaction(async (tx) => {
    const stale = await store.takeStale(tx, ages.staleMs, rowsPerRun);
    for (const taskId of stale) await queues.run.enqueue(tx, { taskId });
  });
  queues.run.wake();
  for (const userId of await store.usersWaiting(config.PARLEY_SEARCH_TASKS_PER_USER, rowsPerRun)) {
    await tasks.queueWaiting(userId);
  }
}

/** Workers that died each time, or a database that was away each time. */
async function failThoseOfDeadJobs({ inspection, tasks }: SweepParts, store: SweepStore): Promise<void> {
  const dead = await inspection.dead(runQueueName, rowsPerRun);
  if (dead.length === 0) return;
  for (const task of await store.open(dead.flatMap(taskOf))) await tasks.end(task, givenUp);
  await inspection.discard(
    runQueueName,
    dead.map(({ id }) => id),
  );
}

function taskOf({ data }: DeadJob): string[] {
  const taskId = (data as { taskId?: unknown } | null)?.taskId;
  return typeof taskId === "string" && isUuid(taskId) ? [taskId] : [];
}
