/** Uploads and downloads under way in this process: so many and no more. */
import { fault } from "#platform/errors.ts";

export interface Transfers {
  readonly underWay: number;
  /**
   * Throws "overloaded". What it returns is to be called at the end. An aborted call has ended as well: nobody asks for
   * the rest of what it reads, so its end may never be reached.
   */
  enter(signal: AbortSignal): () => void;
}

const retryAfterMs = 1_000;

export function createTransfers(max: number): Transfers {
  let underWay = 0;
  return {
    get underWay() {
      return underWay;
    },
    enter(signal) {
      if (underWay >= max) throw fault("overloaded", { retryAfterMs });
      underWay += 1;
      let isOver = false;
      const leave = () => {
        if (isOver) return;
        isOver = true;
        underWay -= 1;
        signal.removeEventListener("abort", leave);
      };
      signal.addEventListener("abort", leave, { once: true });
      return leave;
    },
  };
}
