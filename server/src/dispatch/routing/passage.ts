import type { Job } from "#dispatch/routing/router.ts";
import { fault } from "#platform/errors.ts";

/** A job on its way: what has come of it so far. */
export interface Passage {
  readonly job: Job;
  /** By performance.now(). */
  readonly untilMs: number;
  /** Counted as spent. */
  costMicros: number;
  providerMs: number;
  /** Providers that it was about to be sent to. */
  attempts: number;
}

/** Throws unless there is time, and somebody who waits. */
export function requireTime({ job, untilMs }: Passage): void {
  if (job.signal?.aborted) throw fault("cancelled", { cause: job.signal.reason });
  if (performance.now() >= untilMs) throw fault("timeout");
}
