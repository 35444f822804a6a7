/** Values are held in memory as a whole while they come and go: of all callers together, only so many bytes of them. */
import { fault } from "#platform/errors.ts";

export interface ByteBudget {
  /** Throws "overloaded" when they are too many. They stay taken until they are given back. */
  take(bytes: number): void;
  giveBack(bytes: number): void;
}

export function createByteBudget(maxBytes: number): ByteBudget {
  let taken = 0;
  return {
    take(bytes) {
      if (taken + bytes > maxBytes) throw fault("overloaded", { retryAfterMs: 1_000 });
      taken += bytes;
    },
    giveBack(bytes) {
      taken -= bytes;
    },
  };
}
