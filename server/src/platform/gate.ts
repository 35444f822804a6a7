/** Lets so many pieces of work run at a time; others wait in order, up to a bound, and for so long at the most. */
import { fault } from "#platform/errors.ts";

export interface GateLimits {
  maxRunning: number;
  maxWaiting: number;
  /** Infinity, and the default: as long as the caller does. */
  maxWaitMs?: number;
}

export interface Gate {
  readonly running: number;
  readonly waiting: number;
  /** How many were refused as "overloaded" so far. */
  readonly refused: number;
  /**
   * Rejects with "overloaded" when too many wait already or the wait was too long, with "unavailable" once stopped,
   * and with the signal's reason when it aborts the wait.
   */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Takes a place if one is free. Whoever has a place must call leave() once. */
  tryEnter(): boolean;
  /** Waits for a place; rejects as run() does. */
  enter(signal?: AbortSignal): Promise<void>;
  leave(): void;
  /** Refuses what waits and what comes, and resolves when what runs has ended. */
  stop(): Promise<void>;
}

interface Waiter {
  /** By performance.now(). All have the same patience, so the first in line is the first to lose it. */
  untilMs: number;
  enter(): void;
  refuse(reason: unknown): void;
}

/** What setTimeout can hold. */
const maxTimerMs = 2_147_483_647;

export function createGate(limits: GateLimits): Gate {
  const { maxRunning, maxWaiting, maxWaitMs = Number.POSITIVE_INFINITY } = limits;
  const waiters = new Set<Waiter>();
  const idle = Promise.withResolvers<void>();
  let running = 0;
  let refused = 0;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;

  function overloaded() {
    refused += 1;
    return fault("overloaded");
  }

  function tryEnter(): boolean {
    if (isStopped || running >= maxRunning) return false;
    running += 1;
    return true;
  }

  async function enter(signal?: AbortSignal): Promise<void> {
    if (isStopped) throw fault("unavailable");
    signal?.throwIfAborted();
    if (tryEnter()) return;
    if (waiters.size >= maxWaiting) throw overloaded();
    await wait(signal);
  }

  function wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => waiter.refuse(signal?.reason);
      const end = () => {
        waiters.delete(waiter);
        signal?.removeEventListener("abort", onAbort);
        if (waiters.size === 0) stopTimer();
      };
      const waiter: Waiter = {
        untilMs: performance.now() + maxWaitMs,
        enter() {
          end();
          resolve();
        },
        refuse(reason) {
          end();
          reject(reason);
        },
      };
      waiters.add(waiter);
      signal?.addEventListener("abort", onAbort, { once: true });
      startTimer();
    });
  }

  /** One timer for the whole line, set for who is first in it. */
  function startTimer() {
    const [first] = waiters;
    if (timer || !first || maxWaitMs > maxTimerMs) return;
    timer = setTimeout(
      () => {
        stopTimer();
        refuseExpired();
        startTimer();
      },
      Math.max(0, first.untilMs - performance.now()),
    );
  }

  function stopTimer() {
    clearTimeout(timer);
    timer = undefined;
  }

  function refuseExpired() {
    const nowMs = performance.now();
    for (const waiter of waiters) {
      if (waiter.untilMs > nowMs) return;
      waiter.refuse(overloaded());
    }
  }

  /** The place goes straight to the next in line, so that nobody who comes in between can take it as well. */
  function leave() {
    refuseExpired();
    const [next] = waiters;
    if (next) return next.enter();
    running -= 1;
    if (isStopped && running === 0) idle.resolve();
  }

  return {
    get running() {
      return running;
    },
    get waiting() {
      return waiters.size;
    },
    get refused() {
      return refused;
    },
    tryEnter,
    enter,
    leave,
    async run(work, signal) {
      await enter(signal);
      try {
        return await work();
      } finally {
        leave();
      }
    },
    async stop() {
      isStopped = true;
      for (const waiter of waiters) waiter.refuse(fault("unavailable"));
      if (running > 0) await idle.promise;
    },
  };
}
