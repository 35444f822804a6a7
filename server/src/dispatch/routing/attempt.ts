/** One provider asked for one text: a place, a permit, the money, then the request, and each of them settled. */
import { type Budget, isReserved, type Reservation } from "#dispatch/budget/budget.ts";
import { isPermit, type Permit, type Permits } from "#dispatch/permits/permits.ts";
import { isPass, type Lane } from "#dispatch/routing/lane.ts";
import {
  hasFailed,
  isBusy,
  isCapped,
  isDown,
  isNotAllowed,
  noPermit,
  type Obstacle,
  refusedNow,
} from "#dispatch/routing/obstacles.ts";
import { type Passage, requireTime } from "#dispatch/routing/passage.ts";
import { type SendParts, sendWithPermit } from "#dispatch/routing/send-with-permit.ts";
import type { SendOutcome } from "#dispatch/sending/sender.ts";
import type { Pass } from "#platform/circuit/circuit.ts";
import type { Clock } from "#platform/clock.ts";
import { fault } from "#platform/errors.ts";

export interface AttemptParts extends SendParts {
  permits: Permits;
  budget: Budget;
  clock: Clock;
}

export type AttemptOutcome =
  | { readonly kind: "served"; readonly result: string }
  | { readonly kind: "rejected"; readonly reason: string }
  | { readonly kind: "unknown"; readonly reason: string }
  | { readonly kind: "passed-over"; readonly obstacle: Obstacle };

const passedOver = (obstacle: Obstacle): AttemptOutcome => ({ kind: "passed-over", obstacle });

/**
 * isRepetition: the provider may have got this request before, and the money for it is counted already. Rejects when
 * the time is over, when nobody waits any more, and with what beforeSend rejects with.
 */
export async function attempt(
  parts: AttemptParts,
  lane: Lane,
  passage: Passage,
  isRepetition: boolean,
): Promise<AttemptOutcome> {
  const { job } = passage;
  requireTime(passage);
  const costs = lane.provider.priceMicros > 0 && !isRepetition;
  if (costs && !job.mayUsePaid) return passedOver(isNotAllowed(lane.provider));
  const full = await lane.enter(job.signal);
  if (full) return passedOver(full);
  try {
    const pass = lane.pass();
    if (!isPass(pass)) return passedOver(pass);
    return await new Attempt(parts, lane, passage, pass, costs).run();
  } finally {
    lane.leave();
  }
}

/** Permits that came too late in a row; the provider is passed over then. */
const maxPermits = 3;

class Attempt {
  readonly #parts: AttemptParts;
  readonly #lane: Lane;
  readonly #passage: Passage;
  readonly #pass: Pass;
  readonly #costs: boolean;
  #reservation: Reservation | undefined;
  #isPrepared = false;

  constructor(parts: AttemptParts, lane: Lane, passage: Passage, pass: Pass, costs: boolean) {
    this.#parts = parts;
    this.#lane = lane;
    this.#passage = passage;
    this.#pass = pass;
    this.#costs = costs;
  }

  async run(): Promise<AttemptOutcome> {
    try {
      for (let permitsLeft = maxPermits; permitsLeft > 0; permitsLeft--) {
        const outcome = await this.#ask();
        if (outcome) return outcome;
      }
      return this.#nothingSent(isBusy(this.#lane.provider));
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  /** Undefined: the permit came too late. */
  async #ask(): Promise<AttemptOutcome | undefined> {
    const { permits, clock } = this.#parts;
    const { provider } = this.#lane;
    const permit = await permits.acquire(provider.id, this.#passage.job.signal);
    if (!isPermit(permit)) return this.#nothingSent(noPermit(provider, permit, clock.now()));
    let obstacle: Obstacle | undefined;
    try {
      obstacle = await this.#prepare();
      requireTime(this.#passage);
    } catch (error) {
      permit.giveBack();
      throw error;
    }
    if (obstacle) {
      permit.giveBack();
      return this.#nothingSent(obstacle);
    }
    const priceMicros = this.#costs ? provider.priceMicros : 0;
    const outcome = await sendWithPermit(this.#parts, {
      passage: this.#passage,
      provider,
      permit,
      priceMicros,
    });
    return outcome.kind === "unsent" && outcome.reason === "too-late"
      ? undefined
      : this.#settle(outcome, permit);
  }

  /** The money, then the note that it is about to be sent; once, however many permits come too late. */
  async #prepare(): Promise<Obstacle | undefined> {
    if (this.#isPrepared) return undefined;
    const { job } = this.#passage;
    const { provider } = this.#lane;
    if (this.#costs) {
      const amount = { userId: job.userId, providerId: provider.id, amountMicros: provider.priceMicros };
      const reserved = await this.#parts.budget.reserve(amount);
      if (!isReserved(reserved)) return isCapped(provider, reserved);
      this.#reservation = reserved;
    }
    // Not for what nobody waits for any more: once it says so, it counts as sent.
    requireTime(this.#passage);
    this.#passage.attempts += 1;
    await job.beforeSend?.(provider, this.#passage.attempts);
    this.#isPrepared = true;
    return undefined;
  }

  #settle(outcome: SendOutcome, permit: Permit): AttemptOutcome {
    const { provider } = this.#lane;
    switch (outcome.kind) {
      case "done":
        permit.accepted();
        this.#pass.succeed();
        this.#countCost();
        return { kind: "served", result: outcome.result };
      case "refused":
        permit.refused(outcome.retryAfterMs);
        this.#parts.metrics.refused(provider.id);
        return this.#nothingSent(refusedNow(provider, outcome.retryAfterMs, this.#parts.clock.now()));
      case "rejected":
        permit.accepted();
        this.#pass.succeed();
        this.#countCost();
        return { kind: "rejected", reason: outcome.reason };
      case "failed":
        permit.accepted();
        this.#pass.fail(outcome.reason);
        this.#countCost();
        return passedOver(hasFailed(provider, outcome.reason));
      case "unsent":
        return this.#settleUnsent(outcome.reason);
      case "unknown":
        permit.unknown();
        this.#countCost();
        // The caller left, or was in more of a hurry than the provider: not the provider's fault.
        if (outcome.reason === "cancelled") this.#pass.ignore();
        else this.#pass.fail(outcome.reason);
        return { kind: "unknown", reason: outcome.reason };
    }
  }

  /** Its permit has gone back already. */
  #settleUnsent(reason: (SendOutcome & { kind: "unsent" })["reason"]): AttemptOutcome {
    if (reason === "cancelled") {
      requireTime(this.#passage);
      throw fault("timeout");
    }
    this.#pass.fail(reason);
    return this.#nothingSent(isDown(this.#lane.provider));
  }

  #countCost(): void {
    if (!this.#costs) return;
    const { id, priceMicros } = this.#lane.provider;
    this.#passage.costMicros += priceMicros;
    this.#parts.metrics.spent(id, priceMicros);
  }

  #nothingSent(obstacle: Obstacle): AttemptOutcome {
    this.#release();
    return passedOver(obstacle);
  }

  /** It costs nothing. A pass that is settled already stays as it is. */
  #release(): void {
    this.#reservation?.release();
    this.#reservation = undefined;
    this.#pass.ignore();
  }
}
