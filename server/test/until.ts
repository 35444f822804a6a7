/** Waits for what will come, with a deadline, instead of for a time. */
import { setTimeout as delay } from "node:timers/promises";

const patienceMs = 20_000;
const pollMs = 5;

/** A test that waits in vain fails with what it waited for; as a function, that can say how far it came. */
export async function until(
  what: string | (() => string),
  isSo: () => boolean | Promise<boolean>,
  withinMs = patienceMs,
): Promise<void> {
  const endsAtMs = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > endsAtMs) {
      throw new Error(`not within ${withinMs} ms: ${typeof what === "string" ? what : what()}`);
    }
    await delay(pollMs);
  }
}
