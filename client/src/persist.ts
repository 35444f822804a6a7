/** Tries again what failed for the moment, with a pause that grows and is never shorter than the server asks. */
import { type BackoffOptions, createBackoff, delay } from "./backoff.ts";
import { isTransient, ParleyError } from "./error.ts";

export interface Persistence {
  backoff: BackoffOptions;
  random: () => number;
  /** Ends every pause with "closed". */
  closed: AbortSignal;
  /** Asked to wait longer than this, the caller is told instead of being kept waiting. */
  maxWaitMs: number;
}

export interface PersistOptions {
  /** The caller's: when it is aborted, a pause rejects with its reason. */
  signal?: AbortSignal | undefined;
  /** Default: whatever is transient. */
  mayRepeat?: (error: unknown) => boolean;
}

const maxAttempts = 4;

export async function persist<T>(
  { backoff, random, closed, maxWaitMs }: Persistence,
  run: () => Promise<T>,
  { signal, mayRepeat = isTransient }: PersistOptions = {},
): Promise<T> {
  const pause = createBackoff(backoff, random);
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (attempt === maxAttempts || !mayRepeat(error)) throw error;
      const waitMs = pause.nextMs((error as ParleyError).retryAfterMs);
      if (waitMs > maxWaitMs) throw error;
      await pauseFor(waitMs, closed, signal);
    }
  }
}

export async function pauseFor(ms: number, closed: AbortSignal, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, signal ? AbortSignal.any([closed, signal]) : closed);
  } catch (reason) {
    throw closed.aborted ? new ParleyError("closed") : reason;
  }
}
