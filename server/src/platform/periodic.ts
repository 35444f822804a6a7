/** Work that is done again and again, with a pause between two runs; for housekeeping. */

export interface Periodic {
  start(): void;
  /** Lets a run that is under way finish. */
  stop(): Promise<void>;
}

export interface PeriodicOptions {
  /** From the end of a run, or the start, to the next run. */
  everyMs: number;
  /** A run that takes long should end when the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** The next run comes all the same. */
  onError(error: unknown): void;
}

export function createPeriodic({ everyMs, run, onError }: PeriodicOptions): Periodic {
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<void> = Promise.resolve();

  const schedule = () => {
    if (stopping.signal.aborted) return;
    timer = setTimeout(() => {
      underWay = run(stopping.signal).catch(onError).then(schedule);
    }, everyMs);
    timer.unref();
  };
  return {
    start: schedule,
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await underWay;
    },
  };
}
