export interface Liveness {
  /** It has just said so. Answers whether it may judge others. */
  beat(nowMs: number): boolean;
  /** It could not say so. */
  miss(): void;
}

/**
 * Whether this process may judge others: it has said for the length of a lease that it is alive itself. So those that the
 * same trouble kept from saying so, with the database or on the machine, can do it first.
 */
export function createLiveness(leaseMs: number): Liveness {
  let steadySinceMs: number | undefined;
  let lastMs = 0;
  return {
    beat(nowMs: number): boolean {
      if (steadySinceMs === undefined || nowMs - lastMs > leaseMs / 2) steadySinceMs = nowMs;
      lastMs = nowMs;
      return nowMs - steadySinceMs >= leaseMs;
    },
    miss() {
      steadySinceMs = undefined;
    },
  };
}
