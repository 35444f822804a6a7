/** Work that is done when somebody says that there is some, and at intervals in case nobody could say so. */

export interface WakeableLoop {
  start(): void;
  /** Runs at once, or once more after the run that is under way. */
  wake(): void;
  /** Lets a run that is under way finish. */
  stop(): Promise<void>;
}

export interface WakeableLoopOptions {
  /** On average; spread, so that pods do not ask in step. */
  everyMs: number;
  /** Answers whether there is more to do at once. */
  run(): Promise<boolean>;
  /** The next run comes after the interval all the same. */
  onError(error: unknown): void;
}

export function createWakeableLoop({ everyMs, run, onError }: WakeableLoopOptions): WakeableLoop {
  let isRunning = false;
  let isAsked = false;
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<void> | undefined;

  async function runWhileAsked(): Promise<void> {
    while (isAsked && isRunning) {
      isAsked = false;
      try {
        if (await run()) isAsked = true;
      } catch (error) {
        isAsked = false;
        onError(error);
      }
    }
    underWay = undefined;
    if (isRunning) timer = setTimeout(wake, everyMs * (0.75 + Math.random() / 2)).unref();
  }

  function wake() {
    if (!isRunning) return;
    isAsked = true;
    if (underWay) return;
    clearTimeout(timer);
    underWay = runWhileAsked();
  }

  return {
    start() {
      isRunning = true;
      wake();
    },
    wake,
    async stop() {
      isRunning = false;
      clearTimeout(timer);
      await underWay;
    },
  };
}
