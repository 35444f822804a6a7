/** A row of search.tasks, as it is read. */

export type ResultPlace = "redis" | "database";

export interface TaskRow {
  readonly id: string;
  readonly userId: string;
  readonly query: string;
  /** MessageQuery in bytes; null: nothing matches. */
  readonly messageQuery: Uint8Array | null;
  readonly status: "waiting" | "running" | "done" | "failed";
  readonly attempt: number;
  readonly partial: boolean;
  readonly resultCount: number;
  /** Empty: nowhere, as there are none. */
  readonly resultsIn: ResultPlace | "";
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly errorCode: string;
}

/** Of a row t: waits or runs. */
export const isOpen = "t.status IN ('waiting', 'running')";

export const taskColumns = `t.task_id AS id, t.user_id AS "userId", t.query, t.message_query AS "messageQuery", t.status,
  t.attempt, t.partial, t.result_count AS "resultCount", t.results_in AS "resultsIn", t.created_at AS "createdAt",
  t.started_at AS "startedAt", t.finished_at AS "finishedAt", t.expires_at AS "expiresAt", t.error_code AS "errorCode"`;

/** What an attempt may write to, as long as no later one has begun. */
export type TaskAttempt = Pick<TaskRow, "id" | "userId" | "attempt">;

export interface TaskEnd {
  readonly status: "done" | "failed";
  readonly partial: boolean;
  readonly resultCount: number;
  readonly resultsIn: ResultPlace | "";
  readonly errorCode: string;
}

/** What a task has when it has failed. */
export const failedWith = (errorCode: string): TaskEnd => ({
  status: "failed",
  partial: false,
  resultCount: 0,
  resultsIn: "",
  errorCode,
});

/** Of one user, not counting what has expired. */
export interface TaskLoad {
  /** Waiting or running. */
  readonly open: number;
  /** Of these, those that a job stands for. */
  readonly queued: number;
  /** Ended ones included. */
  readonly kept: number;
  /** When the first of those that have ended expires; null: none has. */
  readonly expiresInMs: number | null;
}
