/** Pods that work on jobs, in the test's own process and in processes that it kills. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after } from "node:test";
import type { Database } from "#platform/database.ts";
import { createJobs } from "#platform/jobs/create-jobs.ts";
import type { JobHandler, JobQueue, Jobs, QueueOptions } from "#platform/jobs/jobs.ts";
import { createLog, type Log } from "#platform/log.ts";
import { noTelemetry, type Telemetry } from "#platform/telemetry.ts";
import { jobQueue } from "#test/job-queue.ts";

export interface Work {
  name: string;
}

export interface JobPod {
  jobs: Jobs;
  queue: JobQueue<Work>;
  /** In a transaction of their own, and wakes. */
  enqueue(name: string, options?: { afterMs?: number }): Promise<void>;
}

export interface JobPodOptions {
  service: string;
  database: Database;
  amqpUrl: string | undefined;
  handler: JobHandler<Work>;
  queue?: Partial<QueueOptions>;
  maxWaiting?: number;
  telemetry?: Telemetry;
  log?: Log;
}

/** Stopped after the file's tests, if it is not before. */
export async function startJobPod(options: JobPodOptions): Promise<JobPod> {
  const { service, database, amqpUrl, handler, maxWaiting = 1_000, telemetry = noTelemetry } = options;
  const { log = createLog("silent") } = options;
  const jobs = createJobs({ service, database, amqpUrl, maxWaiting, telemetry, log });
  const queue = jobs.queue<Work>({ ...jobQueue, ...options.queue }, handler);
  await jobs.start();
  pods.add(jobs);
  return {
    jobs,
    queue,
    async enqueue(name, timing) {
      await database.transaction((tx) => queue.enqueue(tx, { name }, timing));
      queue.wake();
    },
  };
}

const pods = new Set<Jobs>();
const children = new Set<ChildProcess>();

/** To be called before the database of the file is made: what is made first is taken down last. */
export function stopJobPodsAtTheEnd() {
  after(async () => {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all([...pods].map((jobs) => jobs.stop(0)));
  });
}

interface JobProcessOptions {
  databaseUrl: string;
  amqpUrl: string | undefined;
  service: string;
  /** See job-process.ts. */
  fate: "hang" | "die-published";
  queue?: Partial<QueueOptions>;
}

export function startJobProcess(options: JobProcessOptions): ChildProcess {
  const program = join(import.meta.dirname, "job-process.ts");
  const stdio = ["ignore", "pipe", "inherit"] as const;
  const child = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: [...stdio] });
  children.add(child);
  return child;
}

export async function killed(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
