/** How many a process uses just now: a count that fades. */
const fadingMs = 200;

export class UsageRate {
  #count = 0;
  #atMs = 0;

  add(nowMs: number): void {
    this.#count = this.#faded(nowMs) + 1;
    this.#atMs = nowMs;
  }

  perMs(nowMs: number): number {
    return this.#faded(nowMs) / fadingMs;
  }

  #faded(nowMs: number): number {
    return this.#count * Math.exp((this.#atMs - nowMs) / fadingMs);
  }
}
