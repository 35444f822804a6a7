/** Those who wait for a permit, in their order. */
import type { NoPermit, Permit } from "#dispatch/permits/permits.ts";
import { fault } from "#platform/errors.ts";

export interface Waiting {
  /** Nobody waits any more. */
  isOver: boolean;
  tries: number;
  settle(outcome: Permit | NoPermit): void;
}

const maxWaiting = 10_000;

export class WaitingCallers {
  #callers: Waiting[] = [];

  get count(): number {
    return this.#callers.length;
  }

  /** Rejects when the signal aborts, and when too many wait. */
  wait(signal: AbortSignal | undefined): Promise<Permit | NoPermit> {
    if (this.#callers.length >= maxWaiting) return Promise.reject(fault("overloaded"));
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const abort = () => {
        caller.isOver = true;
        reject(signal!.reason);
      };
      const caller: Waiting = {
        isOver: false,
        tries: 0,
        settle(outcome) {
          caller.isOver = true;
          signal?.removeEventListener("abort", abort);
          resolve(outcome);
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#callers.push(caller);
    });
  }

  takeAll(): Waiting[] {
    const callers = this.#callers.filter(({ isOver }) => !isOver);
    this.#callers = [];
    return callers;
  }

  /** In front of those who came later. */
  putBack(callers: readonly Waiting[]): void {
    this.#callers.unshift(...callers);
  }
}
