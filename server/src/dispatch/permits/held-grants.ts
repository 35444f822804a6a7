/** Permits that this process holds, those that end first in front. */
import type { Grant } from "#dispatch/permits/grant.ts";

export class HeldGrants {
  #grants: Grant[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** A new grant, or one of which a permit came back. */
  hold(grant: Grant, count: number): void {
    if (count === 0) return;
    if (grant.held === 0) {
      const place = this.#grants.findIndex((other) => other.terms.useByMs > grant.terms.useByMs);
      this.#grants.splice(place < 0 ? this.#grants.length : place, 0, grant);
    }
    grant.held += count;
    this.#count += count;
  }

  take(): Grant | undefined {
    const first = this.#grants[0];
    if (!first) return undefined;
    this.#count -= 1;
    first.held -= 1;
    if (first.held === 0) this.#grants.shift();
    return first;
  }

  /** Lets go of those that ended at that time or before. */
  release(endedAtMs: number, each: (grant: Grant, count: number) => void): void {
    while (this.#grants[0] && this.#grants[0].terms.useByMs <= endedAtMs) {
      const grant = this.#grants.shift()!;
      const count = grant.held;
      this.#count -= count;
      grant.held = 0;
      each(grant, count);
    }
  }
}
