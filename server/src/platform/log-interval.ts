/**
 * True at the first call, and then at most once in that time: for what happens by the thousands and is said by one line
 * of the log. `nowMs` is a steady clock.
 */
export function createLogInterval(everyMs: number, nowMs = () => performance.now()): () => boolean {
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  return () => {
    const now = nowMs();
    if (now - loggedAtMs < everyMs) return false;
    loggedAtMs = now;
    return true;
  };
}
