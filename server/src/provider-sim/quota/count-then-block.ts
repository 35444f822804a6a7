import type { QuotaOptions, QuotaRule } from "#provider-sim/quota/quota-rule.ts";
import { WindowRecords } from "#provider-sim/quota/window-records.ts";

/** So many, however long that takes; the last of them blocks for a while, and then the count begins anew. */
export class CountThenBlock implements QuotaRule {
  readonly #options: QuotaOptions;
  readonly #records = new WindowRecords();
  #openedAt = Number.NEGATIVE_INFINITY;
  #count = 0;
  #blockedUntil = Number.NEGATIVE_INFINITY;

  constructor(options: QuotaOptions) {
    this.#options = options;
  }

  waitMs = (now: number): number => Math.max(0, this.#blockedUntil - now);

  accept(now: number): void {
    if (this.#count === 0) this.#openedAt = now;
    this.#count++;
    this.#records.at(this.#openedAt).accepted++;
    if (this.#count < this.#options.limit) return;
    this.#count = 0;
    this.#blockedUntil = now + this.#options.blockMs;
  }

  refuse(): void {
    this.#records.at(this.#openedAt).refused++;
  }

  left(now: number) {
    const waitMs = this.waitMs(now);
    if (waitMs > 0) return { remaining: 0, resetMs: waitMs };
    return { remaining: this.#options.limit - this.#count, resetMs: this.#options.blockMs };
  }

  windows = () => this.#records.list();
}
