/** One attempt at a job: the handler with its deadline, in the trace of the call that asked for the job. */
import { SpanKind } from "@opentelemetry/api";
import { describeError } from "#platform/describe-error.ts";
import { fault, toPublicError } from "#platform/errors.ts";
import type { Job, JobHandler, QueueOptions } from "#platform/jobs/jobs.ts";
import { runInTrace } from "#platform/telemetry/active-trace.ts";
import { endSpan } from "#platform/telemetry/tracing.ts";
import type { Telemetry } from "#platform/telemetry.ts";

/** "interrupted": the process stops; the attempt does not count. */
export type Outcome = { kind: "done" } | { kind: "interrupted" } | { kind: "failed"; error: string };

export interface HandleJobOptions<Data> {
  queue: Pick<QueueOptions, "name" | "timeoutMs">;
  handler: JobHandler<Data>;
  job: Job<Data>;
  /** Of the call that enqueued it, if that was recorded. */
  traceparent: string | undefined;
  stopping: AbortSignal;
  telemetry: Telemetry;
}

/** From the abort on: whoever heeds it can write down how far it came before another one begins. */
export const abortGraceMs = 1_000;
const maxErrorChars = 1_000;

/** Never rejects. */
export async function handleJob<Data>(options: HandleJobOptions<Data>): Promise<Outcome> {
  const { queue, job, traceparent, telemetry } = options;
  const trace = traceparent
    ? telemetry.tracing.continue(traceparent, `job ${queue.name}`, {
        kind: SpanKind.CONSUMER,
        attributes: { "messaging.destination.name": queue.name, "parley.job.attempt": job.attempt },
      })
    : undefined;
  try {
    await runInTrace(trace, () => runWithDeadline(options));
    if (trace) endSpan(trace.span, undefined);
    return { kind: "done" };
  } catch (error) {
    if (trace) endSpan(trace.span, toPublicError(error).code);
    return options.stopping.aborted
      ? { kind: "interrupted" }
      : { kind: "failed", error: describeFailure(error) };
  }
}

async function runWithDeadline<Data>({ queue, handler, job, stopping }: HandleJobOptions<Data>) {
  const deadline = new AbortController();
  const abandoned = Promise.withResolvers<never>();
  const timers: NodeJS.Timeout[] = [];
  const after = (ms: number, act: () => void) => void timers.push(setTimeout(act, ms));
  const expire = () => deadline.abort(fault("timeout", { detail: `not done within ${queue.timeoutMs} ms` }));
  after(queue.timeoutMs, expire);
  const signal = AbortSignal.any([stopping, deadline.signal]);
  const onAbort = () => after(abortGraceMs, () => abandoned.reject(signal.reason));
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await Promise.race([Promise.resolve().then(() => handler(job, signal)), abandoned.promise]);
  } finally {
    for (const timer of timers) clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

/** For people, of what the log would tell as well: never what somebody wrote. */
export function describeFailure(error: unknown): string {
  const chain = describeError(error) as {
    name?: string;
    sqlState?: string;
    code?: string;
    message?: string;
  }[];
  const lines = chain.map(({ name, sqlState, code, message }) =>
    [name, sqlState ?? code, message].filter(Boolean).join(": "),
  );
  return lines.join(" ← ").slice(0, maxErrorChars) || "unknown";
}
