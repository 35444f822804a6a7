/** Whether a store still moves: a limit on its silence, not on the whole, since how long bytes take is up to their number. */
import { fault } from "#platform/errors.ts";
import { createSilenceLimit } from "#platform/silence-limit.ts";

export interface StallWatch {
  /** Aborts with "blob-store-unavailable" when the store is silent for too long. */
  readonly signal: AbortSignal;
  /** It is somebody else's turn. */
  pause(): void;
  /** It is the store's turn, from now on. */
  resume(): void;
  giveUp(reason: unknown): void;
  stop(): void;
}

/** A call that is the store's turn from beginning to end. The signal is good for this call only, and its answer may outlive it. */
export async function unlessStalled<T>(
  stallMs: number,
  given: AbortSignal | undefined,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const watch = createStallWatch(stallMs);
  try {
    return await call(given ? AbortSignal.any([given, watch.signal]) : watch.signal);
  } catch (error) {
    if (given?.aborted) throw given.reason;
    throw watch.signal.aborted ? watch.signal.reason : error;
  } finally {
    watch.stop();
  }
}

/** Begins with the store's turn. */
export function createStallWatch(stallMs: number): StallWatch {
  const controller = new AbortController();
  let isPaused = false;
  // Refreshed rather than made anew for each chunk; so it runs on in a pause, and then says nothing.
  const silence = createSilenceLimit(stallMs, () => {
    if (isPaused) return;
    const cause = new Error(`the store was silent for ${stallMs} ms`);
    controller.abort(fault("blob-store-unavailable", { cause }));
  });
  return {
    signal: controller.signal,
    pause() {
      isPaused = true;
    },
    resume() {
      isPaused = false;
      silence.renew();
    },
    giveUp: (reason) => controller.abort(reason),
    stop: () => silence.stop(),
  };
}
