/** One queue in pg-boss: takes as many jobs as it may work on, and settles them one by one. */
import type { PgBoss, Job as StoredJob } from "pg-boss";
import { abortGraceMs, handleJob, type Outcome } from "#platform/jobs/handle-job.ts";
import type { AttemptResult, JobMetrics } from "#platform/jobs/job-metrics.ts";
import type { JobHandler, JobQueue, QueueOptions } from "#platform/jobs/jobs.ts";
import { bossTransaction } from "#platform/jobs/postgres/boss-database.ts";
import type { Envelope, StoredJobs } from "#platform/jobs/postgres/stored-jobs.ts";
import { createRunningJobs } from "#platform/jobs/running-jobs.ts";
import type { WaitingLimit } from "#platform/jobs/waiting-limit.ts";
import { createWakeableLoop } from "#platform/jobs/wakeable-loop.ts";
import { activeTrace } from "#platform/telemetry/active-trace.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface PostgresQueueParts {
  boss: PgBoss;
  stored: StoredJobs;
  limit: WaitingLimit;
  metrics: JobMetrics;
  telemetry: Telemetry;
  onError(error: unknown): void;
}

export interface PostgresQueue<Data extends object> extends JobQueue<Data> {
  readonly name: string;
  readonly running: number;
  /** In the database. */
  declare(): Promise<void>;
  start(): void;
  stop(deadlineMs: number): Promise<void>;
}

const pollMs = 600;
/** pg-boss takes no less. Sooner than the timeout, it says that the process of a long job was killed. */
const heartbeatSeconds = 10;
const heartbeatEveryMs = 3_000;
const deadDays = 7;

export function createPostgresQueue<Data extends object>(
  options: QueueOptions,
  handler: JobHandler<Data>,
  { boss, stored, limit, metrics, telemetry, onError }: PostgresQueueParts,
): PostgresQueue<Data> {
  const { name, concurrency } = options;
  const running = createRunningJobs();
  /** By id: what keeps its claim fresh. */
  const held = new Map<string, StoredJob<Envelope>>();
  let heartbeat: NodeJS.Timeout | undefined;

  async function takeJobs(): Promise<boolean> {
    const free = concurrency - running.size;
    if (free <= 0) return false;
    const jobs = await boss.fetch<Envelope>(name, { batchSize: free });
    for (const job of jobs) running.track(work(job));
    // The end of any of them asks for the next.
    return false;
  }

  const loop = createWakeableLoop({ everyMs: pollMs, run: takeJobs, onError });

  async function work(stored: StoredJob<Envelope>): Promise<void> {
    const startedAtMs = performance.now();
    held.set(stored.id, stored);
    const { data, traceparent } = stored.data;
    const job = { id: stored.id, attempt: stored.retryCount + 1, data: data as Data };
    const stopping = running.stopping;
    const outcome = await handleJob({ queue: options, handler, job, traceparent, stopping, telemetry });
    held.delete(stored.id);
    metrics.ended(name, resultOf(outcome, job.attempt), startedAtMs);
    // What cannot be settled is handed out again after the timeout.
    await settle(stored, outcome).catch(onError);
    setImmediate(loop.wake);
  }

  const resultOf = (outcome: Outcome, attempt: number): AttemptResult =>
    outcome.kind !== "failed" ? outcome.kind : attempt < options.maxAttempts ? "retry" : "dead";

  async function settle(job: StoredJob<Envelope>, outcome: Outcome): Promise<void> {
    if (outcome.kind === "done") await boss.deleteJob(name, job);
    else if (outcome.kind === "failed") await boss.fail(name, job, { message: outcome.error });
    else await stored.handBack(name, job.id, job.retryCount);
  }

  function keepClaims() {
    if (held.size > 0) boss.touch(name, [...held.values()]).catch(onError);
  }

  return {
    name,
    get running() {
      return running.size;
    },
    async enqueue(tx, data, { afterMs = 0 } = {}) {
      await limit.take();
      const traceparent = activeTrace()?.traceparent;
      const envelope: Envelope = { data, ...(traceparent ? { traceparent } : {}) };
      await boss.send(name, envelope, { db: bossTransaction(tx), startAfter: afterMs / 1_000 });
    },
    wake: loop.wake,
    declare: () => declareQueue(boss, options),
    start() {
      heartbeat = setInterval(keepClaims, heartbeatEveryMs).unref();
      loop.start();
    },
    async stop(deadlineMs) {
      await loop.stop();
      await running.drain(deadlineMs);
      clearInterval(heartbeat);
    },
  };
}

async function declareQueue(boss: PgBoss, options: QueueOptions): Promise<void> {
  const settings = {
    // Our own deadline comes first.
    expireInSeconds: Math.ceil((options.timeoutMs + abortGraceMs) / 1_000) + 1,
    heartbeatSeconds: options.timeoutMs > 1_500 * heartbeatSeconds ? heartbeatSeconds : null,
    retryLimit: options.maxAttempts - 1,
    retryDelay: Math.max(1, Math.round(options.backoffMs / 1_000)),
    retryBackoff: true,
    retryDelayMax: 3_600,
    // A job that waits is not forgotten.
    retentionSeconds: 10 * 365 * 86_400,
    deleteAfterSeconds: deadDays * 86_400,
  };
  const { heartbeatSeconds: beat, ...others } = settings;
  await boss.createQueue(options.name, beat === null ? others : { ...others, heartbeatSeconds: beat });
  await boss.updateQueue(options.name, settings);
}
