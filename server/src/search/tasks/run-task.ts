/** One attempt at a task, as a job: it may be made by several workers, even at once, and has one effect. */

import { sqlState } from "#platform/database.ts";
import { type ErrorCode, errorKinds, toPublicError } from "#platform/errors.ts";
import type { Job } from "#platform/jobs/jobs.ts";
import type { Log } from "#platform/log.ts";
import type { SearchClients } from "#search/clients.ts";
import type { SearchConfig } from "#search/config.ts";
import type { Results } from "#search/results/results.ts";
import type { SearchMetrics } from "#search/search-metrics.ts";
import type { Tasks } from "#search/tasks/create-tasks.ts";
import { lookThrough } from "#search/tasks/look-through.ts";
import { maxRunAttempts, type RunJob } from "#search/tasks/task-queues.ts";
import { failedWith, type TaskRow } from "#search/tasks/task-row.ts";
import { toSearchFault } from "#search/upstream.ts";

export interface RunParts {
  config: SearchConfig;
  clients: Pick<SearchClients, "messenger">;
  tasks: Tasks;
  results: Results;
  metrics: SearchMetrics;
  log: Log;
}

export async function runTask(parts: RunParts, job: Job<RunJob>, signal: AbortSignal): Promise<void> {
  const { tasks, metrics } = parts;
  const startedAtMs = performance.now();
  const task = await tasks.claim(job.data.taskId);
  if (!task) return;
  const ended = (outcome: string) => metrics.ended("task", outcome, performance.now() - startedAtMs);
  try {
    const outcome = await searchAndEnd(parts, task, signal);
    if (outcome) ended(outcome);
  } catch (error) {
    const failure = toSearchFault(error, signal);
    const { code } = toPublicError(failure);
    if (!signal.aborted && (isFinal(code) || job.attempt >= maxRunAttempts)) {
      await fail(parts, task, code);
      ended(code);
      return;
    }
    await tasks.putBack(task).catch(() => {});
    throw failure;
  }
}

/** The same would come of it another time. */
const isFinal = (code: ErrorCode) => errorKinds[code].status < 499;

/** Undefined: it is somebody else's by now, or nobody's. */
async function searchAndEnd(
  { config, clients, tasks, results }: RunParts,
  task: TaskRow,
  signal: AbortSignal,
): Promise<"complete" | "partial" | undefined> {
  const found = task.messageQuery
    ? await lookThrough(task, {
        messenger: clients.messenger,
        maxResults: config.PARLEY_SEARCH_TASK_MAX_RESULTS,
        timeoutMs: config.PARLEY_SEARCH_TASK_TIMEOUT_MS,
        signal,
        onPage: (count) => tasks.progress(task, count),
      })
    : { messageIds: [], partial: false };
  if (!found) return undefined;
  const { messageIds, partial } = found;
  const resultCount = messageIds.length;
  try {
    const resultsIn = await results.write(task, messageIds);
    const written = { ...task, resultsIn, resultCount };
    const end = { status: "done", partial, resultCount, resultsIn, errorCode: "" } as const;
    const ended = await tasks.end(task, end);
    if (!ended) await results.remove(written);
    return ended && (partial ? "partial" : "complete");
  } catch (error) {
    if (sqlState(error) === foreignKeyViolation) return undefined;
    throw error;
  }
}

/** Results of a task that was deleted meanwhile. */
const foreignKeyViolation = "23503";

async function fail({ tasks, log }: RunParts, task: TaskRow, code: ErrorCode): Promise<void> {
  log.warn({ taskId: task.id, code }, "a search task has failed");
  await tasks.end(task, failedWith(code));
}
