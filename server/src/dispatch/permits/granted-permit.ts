import type { Grant } from "#dispatch/permits/grant.ts";
import type { Permit } from "#dispatch/permits/permits.ts";

/** Whom a permit tells what became of it. */
export interface PermitOwner {
  readonly providerId: string;
  nowMs(): number;
  cameBack(grant: Grant): void;
  wasTaken(grant: Grant): void;
  wasRefused(grant: Grant, retryAfterMs: number | undefined): void;
}

/** Whatever is called on it, and however often, it is told of once. */
export class GrantedPermit implements Permit {
  readonly #owner: PermitOwner;
  readonly #grant: Grant;
  #state: "granted" | "used" | "settled" = "granted";

  constructor(owner: PermitOwner, grant: Grant) {
    this.#owner = owner;
    this.#grant = grant;
  }

  get providerId(): string {
    return this.#owner.providerId;
  }

  get isProbe(): boolean {
    return this.#grant.terms.isProbe;
  }

  use(): boolean {
    if (this.#state !== "granted") return this.#state === "used";
    if (this.#owner.nowMs() >= this.#grant.terms.useByMs) {
      this.giveBack();
      return false;
    }
    this.#state = "used";
    return true;
  }

  giveBack(): void {
    if (this.#settle()) this.#owner.cameBack(this.#grant);
  }

  accepted(): void {
    if (this.#settle()) this.#owner.wasTaken(this.#grant);
  }

  refused(retryAfterMs: number | undefined): void {
    if (this.#settle()) this.#owner.wasRefused(this.#grant, retryAfterMs);
  }

  unknown(): void {
    this.#settle();
  }

  #settle(): boolean {
    if (this.#state === "settled") return false;
    this.#state = "settled";
    return true;
  }
}
