/** What a process has set aside, in the database and for today, to spend while the database is away. */
import type { CapReached, Spending } from "#dispatch/budget/budget.ts";

export interface SetAside {
  readonly day: number;
  /** By this process's monotonic clock. */
  readonly endsAtMs: number;
  readonly micros: number;
}

export class AwayReserve {
  #setAside: SetAside = { day: 0, endsAtMs: 0, micros: 0 };
  readonly #byUser = new Map<string, number>();
  readonly #userCapMicros: number;

  constructor(userCapMicros: number | undefined) {
    this.#userCapMicros = userCapMicros ?? Number.POSITIVE_INFINITY;
  }

  get leftMicros(): number {
    return this.#setAside.micros;
  }

  /** The database has said what there is. */
  refill(setAside: SetAside): void {
    this.#setAside = setAside;
    this.#byUser.clear();
  }

  /** The day that it is spent on; or what is in the way. Of a day that is over nothing is left: the next one has its own cap. */
  spend({ userId, amountMicros }: Spending, nowMs: number): number | CapReached {
    const { day, endsAtMs, micros } = this.#setAside;
    if (nowMs >= endsAtMs || amountMicros > micros) return { cap: "away", opensInMs: undefined };
    const byUserMicros = (this.#byUser.get(userId) ?? 0) + amountMicros;
    if (byUserMicros > this.#userCapMicros) return { cap: "user", opensInMs: endsAtMs - nowMs };
    this.#byUser.set(userId, byUserMicros);
    this.#setAside = { day, endsAtMs, micros: micros - amountMicros };
    return day;
  }

  giveBack({ userId, amountMicros }: Spending, day: number): void {
    if (day !== this.#setAside.day) return;
    this.#byUser.set(userId, (this.#byUser.get(userId) ?? 0) - amountMicros);
    this.#setAside = { ...this.#setAside, micros: this.#setAside.micros + amountMicros };
  }
}
