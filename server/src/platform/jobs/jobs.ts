/**
 * Work for later, at least once: a job is created in the transaction of the row that asks for it, and it is handed to
 * a worker again for as long as none has finished it, after the process that had it was killed too. So a handler must
 * bear being called twice. A job that failed as often as its queue allows is kept as dead, to be looked at.
 */
import type { Queryable } from "#platform/database.ts";

export interface QueueOptions {
  /** Lower case and dashes; kept in the database and the broker. */
  name: string;
  /** Jobs at once, in this process. */
  concurrency: number;
  /** A handler that takes longer has failed; also how long a job of a killed process may stay out. */
  timeoutMs: number;
  maxAttempts: number;
  /** Before the second attempt; doubled with each further one, with jitter. */
  backoffMs: number;
}

export interface Job<Data> {
  readonly id: string;
  /** From 1. */
  readonly attempt: number;
  readonly data: Data;
}

/** Resolves: done. Rejects: to be tried again. The signal aborts at the timeout, and when the process stops. */
export type JobHandler<Data> = (job: Job<Data>, signal: AbortSignal) => Promise<void>;

export interface JobQueue<Data extends object> {
  /** `data` is kept as JSON. Refused with "overloaded" when too many wait. */
  enqueue(tx: Queryable, data: Data, options?: { afterMs?: number }): Promise<void>;
  /** The transaction was committed: an idle worker of this process looks at once. */
  wake(): void;
}

export interface QueueCounts {
  queue: string;
  /** Not before a time that is yet to come. */
  delayed: number;
  waiting: number;
  running: number;
  dead: number;
}

export interface DeadJob {
  id: string;
  queue: string;
  data: unknown;
  attempts: number;
  failedAt: Date;
  /** Of the last attempt. */
  error: string;
}

/** For people (`parley jobs`) and metrics. */
export interface JobInspection {
  counts(): Promise<QueueCounts[]>;
  /** The latest first. */
  dead(queue: string, limit: number): Promise<DeadJob[]>;
  /** Back to the queue; all dead jobs of it without ids. Answers how many. */
  requeue(queue: string, ids?: readonly string[]): Promise<number>;
  /** For ever. */
  discard(queue: string, ids?: readonly string[]): Promise<number>;
}

export interface Jobs {
  /** To be called before start(). */
  queue<Data extends object>(options: QueueOptions, handler: JobHandler<Data>): JobQueue<Data>;
  inspection: JobInspection;
  start(): Promise<void>;
  /** Lets handlers that run finish, for at most so long; what is not finished is handed out again. */
  stop(deadlineMs: number): Promise<void>;
}
