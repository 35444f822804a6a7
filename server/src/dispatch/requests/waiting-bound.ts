/** How many requests of one user may wait in the background. */
import type { RequestRow } from "#dispatch/requests/request-row.ts";
import type { RequestStore } from "#dispatch/requests/store-requests.ts";
import { fault } from "#platform/errors.ts";

export interface WaitingBound {
  /** Adds one unless there are too many; also of those that come at once, this process lets no more through. */
  admit<T>(userId: string, add: (isFull: boolean) => Promise<T>): Promise<T>;
  /**
   * From now on the request goes on in the background. Resolves with the row as it is; undefined: it is gone. Rejects with
   * too-many-requests: it goes on as before, and nobody may count on it.
   */
  promote(id: string): Promise<RequestRow | undefined>;
  refusal(): Error;
}

export function createWaitingBound(
  store: Pick<RequestStore, "countWaiting" | "promote" | "find">,
  max: number,
): WaitingBound {
  /** By user: those that are being added, and may not be counted yet. */
  const adding = new Map<string, number>();
  const refusal = () =>
    fault("too-many-requests", { detail: `${max} of your requests wait already`, retryAfterMs: 1_000 });

  return {
    refusal,
    async admit(userId, add) {
      const before = adding.get(userId) ?? 0;
      adding.set(userId, before + 1);
      try {
        // Whoever was before is counted by the one or the other, and sometimes by both: rather too few than too many.
        const waiting = await store.countWaiting(userId, max);
        return await add(before + waiting >= max);
      } finally {
        const left = adding.get(userId)! - 1;
        if (left > 0) adding.set(userId, left);
        else adding.delete(userId);
      }
    },
    async promote(id) {
      const row = (await store.promote(id, max)) ?? (await store.find(id));
      if (row && !row.endedAt && !row.inBackground) throw refusal();
      return row;
    },
  };
}
