/**
 * Takes texts that are due, so many at once: when somebody says that there are some, and now and then, for those that
 * another process left. While dispatch is away nothing is taken, for longer and longer.
 */
import type { ProcessingOutcome } from "#messenger/processing/process-text.ts";
import type { ProcessingMetrics } from "#messenger/processing/processing-metrics.ts";
import type { ClaimedText } from "#messenger/store-processing.ts";
import { toPublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";
import { runInTrace } from "#platform/telemetry/active-trace.ts";

export interface ProcessingWorkerOptions {
  claim(limit: number): Promise<ClaimedText[]>;
  process(claimed: ClaimedText, signal: AbortSignal): Promise<ProcessingOutcome>;
  /** Texts at once. */
  workers: number;
  pollMs: number;
  metrics: ProcessingMetrics;
  log: Log;
}

const firstPauseMs = 250;
const longestPauseMs = 15_000;

export class ProcessingWorker {
  readonly #options: ProcessingWorkerOptions;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running = 0;
  #isStarted = false;
  #isLooking = false;
  /** Somebody said so while nothing could be taken, or there was more than could be. */
  #isMoreDue = false;
  #pauseMs = 0;
  /** By performance.now(). */
  #pausedUntilMs = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: ProcessingWorkerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isStarted = true;
    this.wake();
  }

  /** There may be something to do. Costs nothing when it is known already. */
  wake(): void {
    this.#isMoreDue = true;
    if (this.#pauseLeftMs === 0) this.#look();
  }

  /** Takes no more, and waits for what is under way; what is not done after so long is given back. */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStarted = false;
    clearTimeout(this.#timer);
    if (this.#isIdle) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    const timer = setTimeout(() => this.#abort.abort(), deadlineMs);
    await promise;
    clearTimeout(timer);
  }

  get #isIdle(): boolean {
    return this.#running === 0 && !this.#isLooking;
  }

  get #pauseLeftMs(): number {
    return Math.max(0, this.#pausedUntilMs - performance.now());
  }

  #look(): void {
    const { workers } = this.#options;
    // Several at a time, when there are several.
    const isWorthwhile = this.#running <= workers / 2;
    if (!this.#isStarted || this.#isLooking || !isWorthwhile) return;
    this.#isLooking = true;
    this.#isMoreDue = false;
    // Whoever woke us is in a trace of their own.
    void runInTrace(undefined, () => this.#take(workers - this.#running));
  }

  async #take(places: number): Promise<void> {
    const { claim, log } = this.#options;
    try {
      const claimed = await claim(places);
      if (claimed.length === places) this.#isMoreDue = true;
      for (const one of claimed) void this.#process(one);
    } catch (error) {
      log.warn({ code: toPublicError(error).code }, "no messages could be taken to be processed");
      this.#pause();
    }
    this.#isLooking = false;
    this.#goOn();
  }

  async #process(claimed: ClaimedText): Promise<void> {
    const { process, metrics, log } = this.#options;
    this.#running += 1;
    try {
      const outcome = await process(claimed, this.#abort.signal);
      metrics.ended(outcome, claimed);
      if (outcome === "away") this.#pause();
      else if (outcome !== "superseded" && outcome !== "released") this.#endPause();
    } catch (error) {
      metrics.ended("error", claimed);
      log.warn({ code: toPublicError(error).code }, "what came of processing a message was not stored");
    }
    this.#running -= 1;
    this.#goOn();
  }

  /** One pause, however many were under way when it began. */
  #pause(): void {
    if (this.#pauseLeftMs > 0) return;
    this.#pauseMs = Math.min(Math.max(this.#pauseMs * 2, firstPauseMs), longestPauseMs);
    this.#pausedUntilMs = performance.now() + this.#pauseMs;
  }

  #endPause(): void {
    this.#pauseMs = 0;
    this.#pausedUntilMs = 0;
  }

  #goOn(): void {
    if (!this.#isStarted) {
      if (this.#isIdle) this.#onIdle?.();
      return;
    }
    const pauseLeftMs = this.#pauseLeftMs;
    if (this.#isMoreDue && pauseLeftMs === 0) this.#look();
    if (this.#isLooking) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), Math.max(this.#options.pollMs, pauseLeftMs));
  }
}
