/** Values are held in memory as a whole while they come and go: of all callers together, only so many bytes of them. */
import { fault } from "#platform/errors.ts";

export interface ByteBudget {
  /**
   * They stay taken until they are given back. Throws "overloaded" when they are too many for everybody, and "too-many-requests"
   * when the caller has most of what one may have: bytes are taken before they come, which can be slow.
   */
  take(caller: string, bytes: number): void;
  giveBack(caller: string, bytes: number): void;
}

export interface ByteBudgetOptions {
  maxBytes: number;
  maxBytesOfCaller: number;
}

export function createByteBudget({ maxBytes, maxBytesOfCaller }: ByteBudgetOptions): ByteBudget {
  let taken = 0;
  const takenBy = new Map<string, number>();
  const retryAfterMs = 1_000;
  return {
    take(caller, bytes) {
      const own = (takenBy.get(caller) ?? 0) + bytes;
      if (own > maxBytesOfCaller) throw fault("too-many-requests", { retryAfterMs });
      if (taken + bytes > maxBytes) throw fault("overloaded", { retryAfterMs });
      taken += bytes;
      takenBy.set(caller, own);
    },
    giveBack(caller, bytes) {
      taken -= bytes;
      const left = (takenBy.get(caller) ?? 0) - bytes;
      if (left > 0) takenBy.set(caller, left);
      else takenBy.delete(caller);
    },
  };
}
