/** A process that is held up, as on a busy or suspended machine: it does nothing for so long, and then its timers come first. */
import { setImmediate as turn } from "node:timers/promises";

/** Begins the work, and is then held up before it can hear of its outcome. */
export async function heldUpAfter<T>(work: () => T, ms: number): Promise<T> {
  // What follows upon this turn of the event loop are its timers.
  await turn();
  const begun = work();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  return begun;
}
