/** Uploads and downloads under way in this process: so many and no more. */
import { fault } from "#platform/errors.ts";

export interface Transfers {
  readonly underWay: number;
  /** Rejects with "overloaded". Whoever entered must call leave() once. */
  enter(): void;
  leave(): void;
}

const retryAfterMs = 1_000;

export function createTransfers(max: number): Transfers {
  let underWay = 0;
  return {
    get underWay() {
      return underWay;
    },
    enter() {
      if (underWay >= max) throw fault("overloaded", { retryAfterMs });
      underWay += 1;
    },
    leave() {
      underWay -= 1;
    },
  };
}
