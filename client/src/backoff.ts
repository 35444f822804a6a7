/** Exponential back-off with full jitter: clients that lost their server together come back spread out. */
export interface BackoffOptions {
  /** Upper bound of the first delay. */
  minMs: number;
  /** Upper bound of every delay. */
  maxMs: number;
}

export interface Backoff {
  /** The next delay, never shorter than what the server asked for. */
  nextMs(atLeastMs?: number): number;
  reset(): void;
}

export function createBackoff(options: BackoffOptions, random: () => number): Backoff {
  let attempts = 0;
  return {
    nextMs(atLeastMs = 0) {
      const boundMs = Math.min(options.maxMs, options.minMs * 2 ** attempts);
      if (boundMs < options.maxMs) attempts++;
      return atLeastMs + random() * boundMs;
    },
    reset() {
      attempts = 0;
    },
  };
}

/** Resolves after the delay; rejects with the signal's reason when aborted before. */
export function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
