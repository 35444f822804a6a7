/** Calls that are repeated while a test makes trouble, as a sensible client would. */
import { setTimeout as delay } from "node:timers/promises";

const patienceMs = 20_000;
const retryMs = 100;

/** The first answer; when there is none in time, rejects with what the last call rejected with. */
export async function untilAnswered<T>(call: () => Promise<T>): Promise<T> {
  const endsAtMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (performance.now() > endsAtMs) throw error;
      await delay(retryMs);
    }
  }
}

export interface Calling {
  /** What was answered, and the errors of what was not. */
  stop(): Promise<{ made: number; failed: readonly unknown[] }>;
}

/** One call after the other. */
export function keepCalling(call: () => Promise<unknown>): Calling {
  let isOver = false;
  let made = 0;
  const failed: unknown[] = [];
  const loop = async () => {
    while (!isOver) {
      try {
        await untilAnswered(call);
        made += 1;
      } catch (error) {
        failed.push(error);
      }
      await delay(10);
    }
  };
  const running = loop();
  return {
    async stop() {
      isOver = true;
      await running;
      return { made, failed };
    },
  };
}
