/**
 * When each send is due. The schedule is fixed before the run and knows nothing of the answers: a server that slows
 * down gets no rest, and the time a send waits counts as its latency (no coordinated omission).
 */

/** Offsets in milliseconds from the start, rising, all below durationMs. */
export type Schedule = Float64Array;

export interface ScheduleOptions {
  ratePerSecond: number;
  durationMs: number;
  /** The same seed gives the same schedule. */
  seed: number;
}

/** Independent senders: exponential gaps, so that sends also come in bursts as people's do. */
export function poissonSchedule({ ratePerSecond, durationMs, seed }: ScheduleOptions): Schedule {
  const random = createRandom(seed);
  const meanGapMs = 1_000 / ratePerSecond;
  const due: number[] = [];
  for (let at = gap(random, meanGapMs); at < durationMs; at += gap(random, meanGapMs)) due.push(at);
  return Float64Array.from(due);
}

function gap(random: () => number, meanMs: number): number {
  return -Math.log(1 - random()) * meanMs;
}

/** Numbers in [0, 1): Mulberry32, whose statistics suffice for a schedule. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
