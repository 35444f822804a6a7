/**
 * The steps of a task's life. Each is one transaction, together with the jobs that it asks for: so no task is without
 * the job that takes it further, and none has two ends.
 */
import { randomUUIDv7 } from "node:crypto";
import type { Database, Queryable } from "#platform/database.ts";
import { fault, toPublicError } from "#platform/errors.ts";
import { createGate, type Gate } from "#platform/gate.ts";
import type { SearchConfig } from "#search/config.ts";
import type { Results } from "#search/results/results.ts";
import * as store from "#search/store-tasks.ts";
import type { TaskQueues } from "#search/tasks/task-queues.ts";
import type { TaskAttempt, TaskEnd, TaskLoad, TaskRow } from "#search/tasks/task-row.ts";

export interface TasksOptions {
  config: SearchConfig;
  database: Database;
  results: Results;
  queues: TaskQueues;
  /** Called after the commit, once for each end. */
  onEnd(task: TaskRow): void;
}

export interface Tasks {
  /** Throws "too-many-search-tasks", and "overloaded" when it cannot be queued. */
  create(task: Omit<store.NewTask, "id">): Promise<TaskRow>;
  /** Undefined: there is none such of the user's, or its time is over. */
  find(id: string, userId: string): Promise<TaskRow | undefined>;
  /** Whether there was one. */
  remove(id: string, userId: string): Promise<boolean>;
  /** Begins an attempt, and so ends the rights of all before; undefined: there is nothing to do any more. */
  claim(id: string): Promise<TaskRow | undefined>;
  /** Whether the attempt should go on. */
  progress(task: TaskAttempt, found: number): Promise<boolean>;
  /** It will be tried again. */
  putBack(task: TaskAttempt): Promise<void>;
  /** Undefined: somebody else has gone on with it, or it was deleted. */
  end(task: TaskAttempt, end: TaskEnd): Promise<TaskRow | undefined>;
  /** Its results are lost. */
  searchAgain(task: TaskAttempt): Promise<void>;
  /** Forgets it if its time is over. */
  expire(id: string, attempt: number): Promise<void>;
  /** Queues what waits as far as the user may have it. */
  queueWaiting(userId: string): Promise<void>;
}

/**
 * Transactions at once. They wait for each other's users while they hold a connection, of which there are not many; and
 * the ends of tasks must not wait behind people who create them.
 */
const places = { maxRunning: 2, maxWaiting: 1_000, maxWaitMs: 5_000 };

export function createTasks(options: TasksOptions): Tasks {
  const { config, database, results, queues, onEnd } = options;
  const expiryMs = config.PARLEY_SEARCH_TASK_EXPIRY_MS;
  const maxQueued = config.PARLEY_SEARCH_TASKS_PER_USER;

  const forCallers = createGate(places);
  const forWorkers = createGate(places);

  async function locked<T>(gate: Gate, userId: string, work: (tx: Queryable) => Promise<T>): Promise<T> {
    const result = await gate.run(() =>
      database.transaction(async (tx) => {
        await store.lockUser(tx, userId);
        return await work(tx);
      }),
    );
    queues.run.wake();
    return result;
  }

  /** With what changes the user's load; queues what may be queued then. */
  const change = <T>(gate: Gate, userId: string, work: (tx: Queryable) => Promise<T>): Promise<T> =>
    locked(gate, userId, async (tx) => {
      const done = await work(tx);
      await queueNext(tx, userId);
      return done;
    });

  async function queueNext(tx: Queryable, userId: string): Promise<void> {
    const { open, queued } = await store.loadOf(tx, userId);
    const free = Math.min(maxQueued - queued, open - queued);
    if (free <= 0) return;
    for (const taskId of await store.unqueuedTasks(tx, userId, free)) {
      // The sweeper comes back to it.
      if (!(await enqueued(() => queues.run.enqueue(tx, { taskId })))) return;
      await store.markQueued(tx, taskId);
    }
  }

  return {
    async create(task) {
      const { userId } = task;
      // A flood is refused without a lock; what counts is counted under it.
      requireRoom(await store.loadOf(database, userId), config);
      return await locked(forCallers, userId, async (tx) => {
        const load = await store.loadOf(tx, userId);
        requireRoom(load, config);
        const isQueued = load.queued < maxQueued;
        const added = await store.addTask(tx, { ...task, id: randomUUIDv7() }, isQueued);
        if (isQueued) await queues.run.enqueue(tx, { taskId: added.id });
        return added;
      });
    },
    find: (id, userId) => store.findTask(database, id, userId),
    async remove(id, userId) {
      const removed = await change(forCallers, userId, (tx) => store.removeTask(tx, id, userId));
      if (removed) await results.remove(removed);
      return removed !== undefined;
    },
    claim: (id) => store.claimTask(database, id),
    progress: (task, found) => store.noteProgress(database, task, found),
    putBack: (task) => store.putTaskBack(database, task),
    async end(task, end) {
      const ended = await change(forWorkers, task.userId, async (tx) => {
        const row = await store.endTask(tx, task, end, expiryMs);
        const job = { taskId: task.id, attempt: task.attempt };
        if (row) await enqueued(() => queues.expire.enqueue(tx, job, { afterMs: expiryMs }));
        return row;
      });
      if (ended) onEnd(ended);
      return ended;
    },
    async searchAgain(task) {
      await change(forCallers, task.userId, (tx) => store.searchTaskAgain(tx, task));
    },
    async expire(id, attempt) {
      const expired = await store.expireTask(database, id);
      if (expired) return await results.remove(expired);
      // A clock of somebody else's may run ahead.
      const leftMs = await store.expiresInMs(database, { id, attempt });
      if (leftMs === undefined) return;
      const afterMs = Math.max(minExpiryDelayMs, leftMs);
      await database.transaction((tx) => queues.expire.enqueue(tx, { taskId: id, attempt }, { afterMs }));
    },
    queueWaiting: (userId) => change(forWorkers, userId, async () => {}),
  };
}

const minExpiryDelayMs = 100;

/** False: there is no room for it now. */
async function enqueued(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (toPublicError(error).code !== "overloaded") throw error;
    return false;
  }
}

function requireRoom(load: TaskLoad, config: SearchConfig): void {
  const maxOpen = config.PARLEY_SEARCH_TASKS_OPEN_PER_USER;
  const maxKept = config.PARLEY_SEARCH_TASKS_KEPT_PER_USER;
  if (load.open >= maxOpen) {
    throw fault("too-many-search-tasks", {
      detail: `${maxOpen} of your search tasks wait or run, which is as many as may be`,
      retryAfterMs: config.PARLEY_SEARCH_TASK_TIMEOUT_MS,
    });
  }
  if (load.kept >= maxKept) {
    throw fault("too-many-search-tasks", {
      detail: `${maxKept} search tasks of yours are kept, which is as many as may be: delete some that you need no more`,
      retryAfterMs: load.expiresInMs ?? config.PARLEY_SEARCH_TASK_TIMEOUT_MS,
    });
  }
}
