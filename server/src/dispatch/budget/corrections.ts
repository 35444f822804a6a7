/** What is to be told of spending that has turned out otherwise; told again until it is known to have been heard. */
import { randomUUID } from "node:crypto";
import type { Correction } from "#dispatch/budget/store-budget.ts";

const maxPerBatch = 500;
/** Of more than these, what was reserved stays counted as spent. What was spent is told in any case; the reserve bounds it. */
const maxWaiting = 50_000;

export class Corrections {
  #waiting: Correction[] = [];
  #told: { readonly id: string; readonly items: readonly Correction[] } | undefined;

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && !this.#told;
  }

  /** Spent out of the reserve, and not told of. */
  get reserveMicros(): number {
    const sum = (total: number, one: Correction) => total + (one.isOfReserve ? one.amountMicros : 0);
    return this.#waiting.reduce(sum, 0);
  }

  /** False: there are too many. */
  add(one: Correction): boolean {
    if (one.amountMicros < 0 && this.#waiting.length >= maxWaiting) return false;
    this.#waiting.push(one);
    return true;
  }

  /** The same as before until they were heard. */
  next() {
    if (!this.#told && this.#waiting.length > 0) {
      this.#told = { id: randomUUID(), items: this.#waiting.splice(0, maxPerBatch) };
    }
    return this.#told;
  }

  heard(): void {
    this.#told = undefined;
  }
}
