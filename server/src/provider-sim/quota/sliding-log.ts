import type { QuotaOptions, QuotaRule } from "#provider-sim/quota/quota-rule.ts";
import { WindowRecords } from "#provider-sim/quota/window-records.ts";

/** So many in any stretch of time of the window's length. It has no windows; the ledger shows aligned ones. */
export class SlidingLog implements QuotaRule {
  readonly #options: QuotaOptions;
  readonly #records = new WindowRecords();
  /** When the latest `limit` requests were accepted; a ring. */
  readonly #acceptedAt: Float64Array;
  #next = 0;

  constructor(options: QuotaOptions) {
    this.#options = options;
    this.#acceptedAt = new Float64Array(options.limit).fill(Number.NEGATIVE_INFINITY);
  }

  /** The one that is `limit` requests ago must have left the window. */
  waitMs = (now: number): number => Math.max(0, this.#acceptedAt[this.#next]! + this.#options.windowMs - now);

  accept(now: number): void {
    this.#acceptedAt[this.#next] = now;
    this.#next = (this.#next + 1) % this.#options.limit;
    this.#record(now).accepted++;
  }

  refuse(now: number): void {
    this.#record(now).refused++;
  }

  left(now: number) {
    const { windowMs } = this.#options;
    const oldest = this.#acceptedAt[this.#next]!;
    if (oldest + windowMs > now) return { remaining: 0, resetMs: oldest + windowMs - now };
    const remaining = this.#acceptedAt.reduce((free, at) => (at + windowMs > now ? free : free + 1), 0);
    return { remaining, resetMs: windowMs };
  }

  windows = () => this.#records.list();

  #record(now: number) {
    const { windowMs } = this.#options;
    return this.#records.at(Math.floor(now / windowMs) * windowMs);
  }
}
