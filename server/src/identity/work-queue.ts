/** Runs asynchronous work a few at a time, in order, with a bound on how much may wait. */
import { fault } from "#platform/errors.ts";

export interface WorkQueue {
  /** Rejects with "overloaded" when too much waits already, and with the signal's reason when it aborts a wait. */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Refuses what waits and resolves when what runs has ended. */
  stop(): Promise<void>;
}

interface Place {
  begin(): void;
  refuse(reason: unknown): void;
}

export function createWorkQueue(limits: { maxRunning: number; maxWaiting: number }): WorkQueue {
  const waiting = new Set<Place>();
  const idle = Promise.withResolvers<void>();
  let slotsTaken = 0;
  let stopped = false;

  const takeSlot = async (signal: AbortSignal | undefined) => {
    if (slotsTaken < limits.maxRunning) {
      slotsTaken++;
      return;
    }
    if (waiting.size >= limits.maxWaiting) throw fault("overloaded");
    await turn(waiting, signal);
  };
  // A slot passes straight to the next in line, so that nobody who comes in between can take it as well.
  const passSlotOn = () => {
    const [next] = waiting;
    if (!next) {
      slotsTaken--;
      if (stopped && slotsTaken === 0) idle.resolve();
      return;
    }
    waiting.delete(next);
    next.begin();
  };

  return {
    async run(work, signal) {
      if (stopped) throw fault("unavailable");
      signal?.throwIfAborted();
      await takeSlot(signal);
      try {
        return await work();
      } finally {
        passSlotOn();
      }
    },
    async stop() {
      stopped = true;
      for (const place of waiting) place.refuse(fault("unavailable"));
      waiting.clear();
      if (slotsTaken > 0) await idle.promise;
    },
  };
}

/** Resolves when the place is given a slot. */
function turn(waiting: Set<Place>, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const leave = () => {
    waiting.delete(place);
    reject(signal?.reason);
  };
  const place: Place = {
    begin() {
      signal?.removeEventListener("abort", leave);
      resolve();
    },
    refuse(reason) {
      signal?.removeEventListener("abort", leave);
      reject(reason);
    },
  };
  waiting.add(place);
  signal?.addEventListener("abort", leave, { once: true });
  return promise;
}
