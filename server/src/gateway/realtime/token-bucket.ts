/** A rate limit of one socket: a burst at once, then so many a second. Going on above it runs into debt. */
export class TokenBucket {
  #tokens: number;
  #filledAtMs: number;

  constructor(burst: number, nowMs: number) {
    this.#tokens = burst;
    this.#filledAtMs = nowMs;
  }

  /** Takes one; what is left afterwards. Below zero: over the limit, by that many. */
  take(perSecond: number, burst: number, nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs);
    this.#filledAtMs = nowMs;
    this.#tokens = Math.min(burst, this.#tokens + (elapsedMs * perSecond) / 1_000) - 1;
    return this.#tokens;
  }
}
