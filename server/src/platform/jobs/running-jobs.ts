/** The jobs that this process works on, and their orderly end. */
import { within } from "#platform/deadline.ts";
import { abortGraceMs } from "#platform/jobs/handle-job.ts";

export interface RunningJobs {
  readonly size: number;
  /** Aborts when the process stops and cannot wait any longer. */
  readonly stopping: AbortSignal;
  /** The work must not reject. */
  track(work: Promise<void>): void;
  /** Lets them finish; near the deadline their signal aborts. */
  drain(deadlineMs: number): Promise<void>;
}

export function createRunningJobs(): RunningJobs {
  const running = new Set<Promise<void>>();
  const stopping = new AbortController();
  const allEnded = () => Promise.all(running).then(() => {});
  return {
    get size() {
      return running.size;
    },
    stopping: stopping.signal,
    track(work) {
      running.add(work);
      void work.finally(() => running.delete(work));
    },
    async drain(deadlineMs) {
      // What is handed back is written down after the grace.
      const patienceMs = Math.max(0, deadlineMs - 1.5 * abortGraceMs);
      await within(allEnded(), patienceMs);
      stopping.abort(new Error("the process stops"));
      await within(allEnded(), deadlineMs - patienceMs);
    },
  };
}
