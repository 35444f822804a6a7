/**
 * One time of day for all processes of a cluster: the database's. A machine whose clock is wrong, or is set while the
 * process runs, neither refuses valid tokens nor accepts expired ones.
 */
import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";

export interface SharedClock extends Clock {
  /** What somebody whose clock counts said the time is, and how long asking took. */
  adopt(timeMs: number, roundTripMs: number): void;
}

/** Smaller differences are left alone, so that time does not jitter. */
const toleratedMs = 500;

export function createSharedClock(log: Log, machineNow: () => number = Date.now): SharedClock {
  // Built on the monotonic clock: setting the machine's clock changes nothing.
  let offsetMs = machineNow() - performance.now();
  const now = () => performance.now() + offsetMs;
  return {
    now: () => Math.round(now()),
    adopt(timeMs, roundTripMs) {
      if (!Number.isFinite(timeMs) || timeMs <= 0) return;
      const differenceMs = timeMs + roundTripMs / 2 - now();
      if (Math.abs(differenceMs) <= toleratedMs + roundTripMs / 2) return;
      offsetMs += differenceMs;
      log.warn(
        { differenceMs: Math.round(differenceMs) },
        "this machine's clock is wrong; the cluster's is followed",
      );
    },
  };
}
