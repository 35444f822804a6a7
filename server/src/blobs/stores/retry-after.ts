/** When to come back to a store that answered with an error. */
const busyMs = 2_000;
const longestMs = 60_000;

/** What its header says, in seconds, else what its status suggests; undefined: nothing does. */
export function retryAfterMs(header: string | undefined, status: number | undefined): number | undefined {
  if (header && /^\d{1,6}$/.test(header)) return Math.min(Number(header) * 1_000, longestMs);
  return status === 503 || status === 429 ? busyMs : undefined;
}
