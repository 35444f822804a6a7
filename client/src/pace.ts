/**
 * Keeps the sends of a client below the server's limit on frames. A server above its limit refuses one message and
 * may take the next, and so would change their order.
 */
export interface Pace {
  /** Whether one more may be sent now; when not, `onRoom` will be called once it may. */
  take(): boolean;
  stop(): void;
}

export interface PaceOptions {
  /** Infinity: no limit. */
  perSecond: number;
  now: () => number;
  onRoom: () => void;
}

export function createPace({ perSecond, now, onRoom }: PaceOptions): Pace {
  if (perSecond === Number.POSITIVE_INFINITY) return { take: () => true, stop() {} };
  let left = perSecond;
  let countedAtMs = now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    take() {
      const nowMs = now();
      left = Math.min(perSecond, left + (Math.max(0, nowMs - countedAtMs) * perSecond) / 1000);
      countedAtMs = nowMs;
      if (left >= 1) {
        left--;
        return true;
      }
      timer ??= setTimeout(
        () => {
          timer = undefined;
          onRoom();
        },
        Math.ceil(1000 / perSecond),
      );
      return false;
    },
    stop() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
