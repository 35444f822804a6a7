/**
 * Where a process spends: one exchange with the ledger at a time, which takes along what gathered meanwhile. While the
 * ledger cannot be asked, out of what was set aside.
 */
import { setTimeout as delay } from "node:timers/promises";
import { AwayReserve } from "#dispatch/budget/away-reserve.ts";
import type { CapReached, Reservation, Spending } from "#dispatch/budget/budget.ts";
import { Corrections } from "#dispatch/budget/corrections.ts";
import type { SpendReply, SpendRequest } from "#dispatch/budget/store-budget.ts";
import { LedgerLine } from "#dispatch/ledger-line.ts";
import { fault } from "#platform/errors.ts";

type Outcome = Reservation | CapReached;

interface Waiting {
  readonly spending: Spending;
  isOver: boolean;
  settle(outcome: Outcome): void;
}

export interface SpendDeskOptions {
  userCapMicros: number | undefined;
  reserveMicros: number;
  /** Only goes forward. */
  nowMs: () => number;
  exchange(request: Pick<SpendRequest, "reserveMicros" | "corrections" | "spendings">): Promise<SpendReply>;
  onAway(isAway: boolean, error: unknown): void;
}

const tickMs = 50;
const maxPerBatch = 500;
const maxWaiting = 10_000;
const stopTimeoutMs = 2_000;
/** The line has a deadline of its own. */
const never = new Promise<never>(() => {});
const free: Reservation = { release() {} };

export class SpendDesk {
  readonly #options: SpendDeskOptions;
  readonly #reserve: AwayReserve;
  readonly #corrections = new Corrections();
  readonly #line: LedgerLine;
  #waiting: Waiting[] = [];
  #isStopping = false;
  #dayEndsAtMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SpendDeskOptions) {
    this.#options = options;
    this.#reserve = new AwayReserve(options.userCapMicros);
    this.#line = new LedgerLine({
      nowMs: options.nowMs,
      onAway: options.onAway,
      exchange: () => this.#exchange(),
      onFree: () => {
        if (this.#waiting.length > 0) this.#line.wake();
      },
    });
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => this.#tick(), tickMs).unref();
    this.#exchange();
    await this.#line.settled(never);
  }

  reserve(spending: Spending): Promise<Outcome> {
    if (spending.amountMicros === 0) return Promise.resolve(free);
    if (this.#line.isAway || this.#isStopping) return Promise.resolve(this.#spendReserve(spending));
    if (this.#waiting.length >= maxWaiting) return Promise.reject(fault("overloaded"));
    return new Promise((resolve) => {
      const waiting: Waiting = {
        spending,
        isOver: false,
        settle(outcome) {
          waiting.isOver = true;
          resolve(outcome);
        },
      };
      this.#waiting.push(waiting);
      this.#line.wake();
    });
  }

  /** Tells what is left to tell, and gives back what was set aside. Never rejects. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#line.close();
    clearInterval(this.#timer);
    const deadline = delay(stopTimeoutMs, undefined, { ref: false });
    // One more at least: it gives back what was set aside.
    do {
      if (!(await this.#line.settled(deadline)) || this.#line.isAway) break;
      this.#exchange();
      if (!(await this.#line.settled(deadline)) || this.#line.isAway) break;
    } while (!this.#corrections.isEmpty || this.#waiting.length > 0);
    this.#loseWaiting();
  }

  #exchange() {
    const sentAtMs = this.#options.nowMs();
    const batch = this.#waiting.splice(0, maxPerBatch);
    this.#line.begin({
      call: () =>
        this.#options.exchange({
          reserveMicros: this.#isStopping ? 0 : this.#options.reserveMicros,
          corrections: this.#corrections.next(),
          spendings: batch.map(({ spending }) => spending),
        }),
      onReply: (reply) => this.#apply(reply, batch, sentAtMs),
      onLost: () => this.#loseWaiting(batch),
    });
  }

  #apply({ day, endsInMs, setAsideMicros, caps }: SpendReply, batch: readonly Waiting[], sentAtMs: number) {
    this.#corrections.heard();
    this.#dayEndsAtMs = sentAtMs + endsInMs;
    const micros = setAsideMicros - this.#corrections.reserveMicros;
    this.#reserve.refill({ day, endsAtMs: this.#dayEndsAtMs, micros });
    for (const [index, { spending, isOver, settle }] of batch.entries()) {
      const cap = caps[index]!;
      // Whoever was answered out of the reserve meanwhile does not spend twice.
      if (isOver) {
        if (!cap) this.#correct(spending, day, -1, false);
      } else if (cap) settle({ cap, opensInMs: Math.max(0, this.#dayEndsAtMs - this.#options.nowMs()) });
      else settle(this.#reservation(() => this.#correct(spending, day, -1, false)));
    }
  }

  #loseWaiting(batch: readonly Waiting[] = []) {
    for (const one of [...batch, ...this.#waiting.splice(0)]) {
      if (!one.isOver) one.settle(this.#spendReserve(one.spending));
    }
  }

  #spendReserve(spending: Spending): Outcome {
    const day = this.#reserve.spend(spending, this.#options.nowMs());
    if (typeof day !== "number") return day;
    this.#correct(spending, day, 1, true);
    return this.#reservation(() => {
      if (this.#correct(spending, day, -1, true)) this.#reserve.giveBack(spending, day);
    });
  }

  #reservation(release: () => void): Reservation {
    let isReleased = false;
    return {
      release() {
        if (isReleased) return;
        isReleased = true;
        release();
      },
    };
  }

  #correct(spending: Spending, day: number, sign: 1 | -1, isOfReserve: boolean): boolean {
    const amountMicros = sign * spending.amountMicros;
    return this.#corrections.add({ ...spending, amountMicros, day, isOfReserve });
  }

  #tick() {
    if (this.#line.isBusy) return;
    const isDayOver = this.#options.reserveMicros > 0 && this.#options.nowMs() >= this.#dayEndsAtMs;
    const isDue = this.#line.isAway ? this.#line.isRetryDue : !this.#corrections.isEmpty || isDayOver;
    if (isDue) this.#exchange();
  }
}
