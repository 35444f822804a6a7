/** The requests that this process knows itself to be at. One that it owns without knowing is taken up as if it were a dead process's. */
export interface HeldRequests {
  /** From before it is owned until it is owned no more. */
  hold<T>(id: string, work: () => Promise<T>): Promise<T>;
  ids(): string[];
  readonly size: number;
  /** Resolves when none is left, or after so long. */
  untilNone(deadlineMs: number): Promise<void>;
}

export function createHeldRequests(): HeldRequests {
  const ids = new Set<string>();
  let onNone: (() => void) | undefined;
  return {
    async hold(id, work) {
      ids.add(id);
      try {
        return await work();
      } finally {
        ids.delete(id);
        if (ids.size === 0) onNone?.();
      }
    },
    ids: () => [...ids],
    get size() {
      return ids.size;
    },
    async untilNone(deadlineMs) {
      if (ids.size === 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      onNone = resolve;
      const timer = setTimeout(resolve, deadlineMs);
      await promise;
      clearTimeout(timer);
    },
  };
}
