/**
 * What no caller waits for: requests that are due, and those that dead processes left. Says all the while that this
 * process is alive.
 */
import { type ClaimerOptions, createClaimer } from "#dispatch/requests/claimer.ts";
import { createLiveness } from "#dispatch/requests/liveness.ts";
import { toPublicError } from "#platform/errors.ts";

export interface BackgroundOptions extends ClaimerOptions {
  /** How long after its last sign of life a process counts as dead. */
  leaseMs?: number;
}

export interface Background {
  /** Resolves once the others know this process. */
  start(): Promise<void>;
  /** Something may be due. */
  wake(): void;
  /** Takes nothing more, waits for what this process is at, and says that it has gone. What is left then is for the others. */
  stop(deadlineMs: number): Promise<void>;
}

const standardLeaseMs = 5_000;
const beatsPerLease = 5;

export function createBackground(options: BackgroundOptions): Background {
  const { store, held, leaseMs = standardLeaseMs, log } = options;
  const claimer = createClaimer(options);
  const liveness = createLiveness(leaseMs);
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let beating = Promise.resolve();

  async function beat(): Promise<void> {
    try {
      const startedAtMs = performance.now();
      await store.heartbeat(leaseMs);
      if (liveness.beat(startedAtMs)) await claimer.recover(leaseMs);
      claimer.wake();
    } catch (error) {
      liveness.miss();
      log.warn({ code: toPublicError(error).code }, "this process cannot say that it is alive");
    }
    schedule();
  }

  function schedule() {
    if (isStopped) return;
    timer = setTimeout(
      () => {
        beating = beat();
      },
      (leaseMs / beatsPerLease) * (0.75 + Math.random() / 2),
    );
    timer.unref();
  }

  return {
    async start() {
      await store.heartbeat(leaseMs);
      liveness.beat(performance.now());
      schedule();
      claimer.wake();
    },
    wake: claimer.wake,
    async stop(deadlineMs) {
      await claimer.stop();
      await held.untilNone(deadlineMs);
      isStopped = true;
      clearTimeout(timer);
      await beating;
      await store.leave().catch((error) => log.warn({ code: toPublicError(error).code }, "not signed off"));
    },
  };
}
