/** Keeps retries from multiplying the load on services in trouble: a share of the calls, and a few besides. */
export interface RetryBudget {
  noteCall(): void;
  /** Whether one more retry may be made; if so, it is counted. */
  tryTake(): boolean;
}

const share = 0.2;
const perSecond = 10;
const mostSaved = 100;

export function createRetryBudget(nowMs: () => number = () => performance.now()): RetryBudget {
  let balance = perSecond;
  let filledAtMs = nowMs();
  return {
    noteCall() {
      balance = Math.min(mostSaved, balance + share);
    },
    tryTake() {
      const now = nowMs();
      balance = Math.min(mostSaved, balance + ((now - filledAtMs) / 1_000) * perSecond);
      filledAtMs = now;
      if (balance < 1) return false;
      balance -= 1;
      return true;
    },
  };
}
