import type { QuotaOptions, QuotaRule } from "#provider-sim/quota/quota-rule.ts";
import { WindowRecords } from "#provider-sim/quota/window-records.ts";

/**
 * first-request-window: so many per window, and a window begins with the first request after the last one has ended.
 * block-at-limit: as well, and the last one accepted blocks for a while.
 */
export class AnchoredWindow implements QuotaRule {
  readonly #options: QuotaOptions;
  readonly #records = new WindowRecords();
  #openedAt = Number.NEGATIVE_INFINITY;
  #count = 0;
  #blockedUntil = Number.NEGATIVE_INFINITY;

  constructor(options: QuotaOptions) {
    this.#options = options;
  }

  waitMs(now: number): number {
    const fullUntil = this.#count >= this.#options.limit ? this.#endsAt() : now;
    return Math.max(0, fullUntil - now, this.#blockedUntil - now);
  }

  accept(now: number): void {
    const { limit, blockMs } = this.#options;
    if (now >= this.#endsAt()) {
      this.#openedAt = now;
      this.#count = 0;
    }
    this.#count++;
    this.#records.at(this.#openedAt).accepted++;
    if (blockMs > 0 && this.#count === limit) this.#blockedUntil = now + blockMs;
  }

  refuse(): void {
    this.#records.at(this.#openedAt).refused++;
  }

  left(now: number) {
    const waitMs = this.waitMs(now);
    if (waitMs > 0) return { remaining: 0, resetMs: waitMs };
    const { limit, windowMs } = this.#options;
    const isOpen = now < this.#endsAt();
    return isOpen
      ? { remaining: limit - this.#count, resetMs: this.#endsAt() - now }
      : { remaining: limit, resetMs: windowMs };
  }

  windows = () => this.#records.list();

  #endsAt = () => this.#openedAt + this.#options.windowMs;
}
