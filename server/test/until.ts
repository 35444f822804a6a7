/** Waits for what will come, with a deadline, instead of for a time. */
import { setTimeout as delay } from "node:timers/promises";

const patienceMs = 20_000;
const pollMs = 10;

export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  withinMs = patienceMs,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await delay(pollMs);
  }
}
