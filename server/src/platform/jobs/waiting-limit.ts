/** How many jobs may wait: counted in the background once a second while jobs are enqueued, and by ourselves in between. */
import { fault } from "#platform/errors.ts";

export interface WaitingLimit {
  /** Throws "overloaded"; otherwise counts one more. */
  take(): Promise<void>;
}

export interface WaitingLimitOptions {
  maxWaiting: number;
  count(): Promise<number>;
  nowMs?: () => number;
}

const refreshMs = 1_000;

export function createWaitingLimit(options: WaitingLimitOptions): WaitingLimit {
  const { maxWaiting, count, nowMs = () => performance.now() } = options;
  let counted = 0;
  let countedAtMs = Number.NEGATIVE_INFINITY;
  /** Since the count that is known was begun, and since the one that is under way was. */
  let taken = 0;
  let takenMeanwhile = 0;
  let counting: Promise<void> | undefined;

  async function refresh() {
    takenMeanwhile = 0;
    const startedAtMs = nowMs();
    try {
      counted = await count();
      taken = takenMeanwhile;
      countedAtMs = startedAtMs;
    } finally {
      counting = undefined;
    }
  }

  return {
    async take() {
      const isFirst = countedAtMs === Number.NEGATIVE_INFINITY;
      if (nowMs() - countedAtMs > refreshMs) counting ??= refresh();
      if (isFirst || counted + taken >= maxWaiting) await counting;
      // Without an answer from the database the enqueuing itself says so.
      else counting?.catch(() => {});
      if (counted + taken >= maxWaiting) {
        throw fault("overloaded", { detail: "Too much work waits already; it cannot be queued" });
      }
      taken += 1;
      takenMeanwhile += 1;
    },
  };
}
