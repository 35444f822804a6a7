import { setTimeout as sleep } from "node:timers/promises";
import { sendSignal } from "./processes.ts";

const POLL_MS = 10;

/** What each signal means to the server process, mildest first, and how long it is given. */
const STEPS: { signal: NodeJS.Signals; meaning: string; waitMs: number }[] = [
  { signal: "SIGINT", meaning: "fast", waitMs: 15_000 },
  // Recovers from the WAL at the next start; nothing that was committed is lost.
  { signal: "SIGQUIT", meaning: "immediate", waitMs: 5_000 },
  { signal: "SIGKILL", meaning: "forced", waitMs: 5_000 },
];

/**
 * Stops a PostgreSQL server process: fast shutdown, then immediate, then by force, each with its time.
 *
 * @param hasEnded tells whether the process is gone; a pid alone cannot
 * @returns what it took
 */
export async function shutDown(pid: number, hasEnded: () => boolean | Promise<boolean>): Promise<string> {
  for (const { signal, meaning, waitMs } of STEPS) {
    sendSignal(pid, signal);
    if (await waitUntil(hasEnded, waitMs)) return meaning;
  }
  throw new Error(`PostgreSQL (pid ${pid}) does not end, not even by force.`);
}

/** @returns whether the condition became true in time */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() >= deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}
