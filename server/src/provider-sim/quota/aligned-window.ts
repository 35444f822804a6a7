import type { QuotaOptions, QuotaRule } from "#provider-sim/quota/quota-rule.ts";
import { WindowRecords } from "#provider-sim/quota/window-records.ts";

/**
 * fixed-window: so many per window, and windows begin at multiples of their length. block-after-limit: as well, and an
 * attempt beyond the limit blocks for a while; attempts during the block do not lengthen it.
 */
export class AlignedWindow implements QuotaRule {
  readonly #options: QuotaOptions;
  readonly #records = new WindowRecords();
  #openedAt = Number.NEGATIVE_INFINITY;
  #count = 0;
  #blockedUntil = Number.NEGATIVE_INFINITY;

  constructor(options: QuotaOptions) {
    this.#options = options;
  }

  waitMs(now: number): number {
    this.#roll(now);
    const { limit, windowMs } = this.#options;
    const fullUntil = this.#count >= limit ? this.#openedAt + windowMs : now;
    return Math.max(0, fullUntil - now, this.#blockedUntil - now);
  }

  accept(now: number): void {
    this.#roll(now);
    this.#count++;
    this.#records.at(this.#openedAt).accepted++;
  }

  refuse(now: number): void {
    this.#roll(now);
    this.#records.at(this.#openedAt).refused++;
    const isBlocked = now < this.#blockedUntil;
    if (this.#options.blockMs > 0 && !isBlocked) this.#blockedUntil = now + this.#options.blockMs;
  }

  left(now: number) {
    const waitMs = this.waitMs(now);
    if (waitMs > 0) return { remaining: 0, resetMs: waitMs };
    const { limit, windowMs } = this.#options;
    return { remaining: limit - this.#count, resetMs: this.#openedAt + windowMs - now };
  }

  windows = () => this.#records.list();

  #roll(now: number): void {
    const { windowMs, offsetMs } = this.#options;
    const openedAt = Math.floor((now - offsetMs) / windowMs) * windowMs + offsetMs;
    if (openedAt <= this.#openedAt) return;
    this.#openedAt = openedAt;
    this.#count = 0;
  }
}
