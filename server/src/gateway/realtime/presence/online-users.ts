/** Who has a socket on this gateway, and who had one a moment ago: most are back at once, and count as online. */
import type { Clock } from "#platform/clock.ts";

export interface OnlineUsersOptions {
  clock: Clock;
  graceMs: number;
  onChange(userId: string, isOnline: boolean): void;
}

export class OnlineUsers {
  readonly #options: OnlineUsersOptions;
  readonly #online = new Set<string>();
  /** When the grace of those ends who have just left. In the order of time. */
  readonly #leaving = new Map<string, number>();

  constructor(options: OnlineUsersOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#online.size;
  }

  has(userId: string): boolean {
    return this.#online.has(userId);
  }

  ids(): Iterable<string> {
    return this.#online;
  }

  enter(userId: string): void {
    this.#leaving.delete(userId);
    if (this.#online.has(userId)) return;
    this.#online.add(userId);
    this.#options.onChange(userId, true);
  }

  leave(userId: string): void {
    this.#leaving.delete(userId);
    this.#leaving.set(userId, this.#options.clock.now() + this.#options.graceMs);
  }

  /** To be called once a second. */
  tick(): void {
    for (const [userId, endsAtMs] of this.#leaving) {
      if (endsAtMs > this.#options.clock.now()) return;
      this.#leaving.delete(userId);
      this.#online.delete(userId);
      this.#options.onChange(userId, false);
    }
  }
}
