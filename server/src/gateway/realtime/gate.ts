/** Lets so many pieces of work run at a time; the others wait in order, up to a bound and not for ever. */
import { fault } from "#platform/errors.ts";

export interface Gate {
  /** Rejects with "overloaded" when too many wait already, or when it had to wait too long. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export interface GateLimits {
  maxRunning: number;
  maxWaiting: number;
  maxWaitMs: number;
}

interface Waiter {
  enter: () => void;
  reject: (error: unknown) => void;
  untilMs: number;
}

export function createGate({ maxRunning, maxWaiting, maxWaitMs }: GateLimits): Gate {
  const waiting: Waiter[] = [];
  let running = 0;

  function leave() {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      if (performance.now() <= next.untilMs) return next.enter();
      next.reject(fault("overloaded"));
    }
    running -= 1;
  }

  return {
    async run(work) {
      if (running < maxRunning) {
        running += 1;
      } else if (waiting.length < maxWaiting) {
        const untilMs = performance.now() + maxWaitMs;
        // Whoever leaves hands his place over: running stays as it is.
        await new Promise<void>((enter, reject) => waiting.push({ enter, reject, untilMs }));
      } else {
        throw fault("overloaded");
      }
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
