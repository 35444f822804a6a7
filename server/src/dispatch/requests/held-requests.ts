/** The requests that this process knows itself to be at. */
export interface HeldRequests {
  /** From before it is owned until it is owned no more. */
  hold<T>(id: string, work: () => Promise<T>): Promise<T>;
  ids(): string[];
  has(id: string): boolean;
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
    has: (id) => ids.has(id),
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
