/**
 * The most requests of a trace that a provider can serve free, by somebody who knows the whole trace beforehand and
 * sends each request at once or not at all. The semantics are those of docs/providers.md.
 */

export interface OracleQuota {
  readonly kind:
    | "fixed-window"
    | "first-request-window"
    | "count-then-block"
    | "sliding-log"
    | "block-at-limit"
    | "block-after-limit";
  readonly limit: number;
  readonly windowMs: number;
  readonly blockMs: number;
}

/** Times in milliseconds since 1970, rising. */
export function mostServedFree(times: readonly number[], quota: OracleQuota): number {
  switch (quota.kind) {
    case "fixed-window":
    case "block-after-limit":
      return alignedWindows(times, quota);
    case "first-request-window":
      return anchoredWindows(times, quota, quota.limit);
    case "block-at-limit":
      return anchoredWindows(times, quota, quota.limit - 1, quota.blockMs);
    case "count-then-block":
      return countThenBlock(times, quota);
    case "sliding-log":
      return slidingLog(times, quota);
  }
}

/** Of each window as many as there are, up to the limit. */
function alignedWindows(times: readonly number[], { limit, windowMs }: OracleQuota): number {
  const counts = new Map<number, number>();
  for (const at of times) {
    const window = Math.floor(at / windowMs);
    counts.set(window, (counts.get(window) ?? 0) + 1);
  }
  return sum([...counts.values()].map((count) => Math.min(count, limit)));
}

/**
 * best[i] is the most that can be served of the requests from i on by a provider whose window is not open: leave i out, or
 * let it open a window and take what fits. With a block, a window may also be used up whole and paid for with the block.
 */
function anchoredWindows(
  times: readonly number[],
  { limit, windowMs }: OracleQuota,
  perWindow: number,
  blockMs?: number,
): number {
  const best = new Array<number>(times.length + 1).fill(0);
  for (let i = times.length - 1; i >= 0; i--) {
    const next = firstFrom(times, times[i]! + windowMs);
    const whole = blockMs === undefined || next - i < limit ? 0 : limitThenBlock(i);
    best[i] = Math.max(best[i + 1]!, Math.min(perWindow, next - i) + best[next]!, whole);
  }
  return best[0]!;

  function limitThenBlock(i: number): number {
    const last = times[i + limit - 1]!;
    return limit + best[firstFrom(times, last + blockMs!)]!;
  }
}

/** To send whatever can be sent is best: waiting only puts off the block. */
function countThenBlock(times: readonly number[], { limit, blockMs }: OracleQuota): number {
  let served = 0;
  let blockedUntil = Number.NEGATIVE_INFINITY;
  for (const at of times) {
    if (at < blockedUntil) continue;
    served += 1;
    if (served % limit === 0) blockedUntil = at + blockMs;
  }
  return served;
}

/** To send whatever can be sent is best: who is served earlier is out of the way earlier. */
function slidingLog(times: readonly number[], { limit, windowMs }: OracleQuota): number {
  const log: number[] = [];
  for (const at of times) {
    const oldest = log[log.length - limit];
    if (oldest === undefined || oldest <= at - windowMs) log.push(at);
  }
  return log.length;
}

/** Index of the first time that is not before this moment. */
function firstFrom(times: readonly number[], moment: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! < moment) low = middle + 1;
    else high = middle;
  }
  return low;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
