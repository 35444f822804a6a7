import type { ObservedRun } from "../process/observed-run.ts";
import { type Repeated, repeated } from "../statistics.ts";

/** Messages both acknowledged and received: the smaller of the two. */
export function deliveredPerSecond(runs: readonly ObservedRun[]): Repeated {
  return repeated(
    runs.map((run) => (Math.min(run.acknowledgedInWindow, run.deliveredInWindow) * 1_000) / run.windowMs),
  );
}
