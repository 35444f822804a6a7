/** Long work of one search, in pieces between which others get their turn: sends and everything else wait for it. */
import { setImmediate as othersTurn } from "node:timers/promises";

const longestMs = 10;

export interface FairShare {
  /** Whether it is time to let others have their turn. */
  isOver(): boolean;
  letOthers(): Promise<void>;
}

export function startFairShare(): FairShare {
  let endsAt = performance.now() + longestMs;
  return {
    isOver: () => performance.now() >= endsAt,
    async letOthers() {
      await othersTurn();
      endsAt = performance.now() + longestMs;
    },
  };
}
