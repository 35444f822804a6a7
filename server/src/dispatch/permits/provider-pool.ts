/**
 * The permits of one provider at this process: those held, and one exchange with the ledger at a time, which takes along
 * all that gathered while the one before was under way.
 */
import { setTimeout as delay } from "node:timers/promises";
import { LedgerLine } from "#dispatch/ledger-line.ts";
import { Grant } from "#dispatch/permits/grant.ts";
import { GrantedPermit, type PermitOwner } from "#dispatch/permits/granted-permit.ts";
import { HeldGrants } from "#dispatch/permits/held-grants.ts";
import type { NoPermit, Permit } from "#dispatch/permits/permits.ts";
import { type PoolRules, poolRulesOf } from "#dispatch/permits/pool-rules.ts";
import { Settlements } from "#dispatch/permits/settlements.ts";
import type { ExchangeReply, ExchangeRequest } from "#dispatch/permits/store-permits.ts";
import { UnaskedGrants } from "#dispatch/permits/unasked-grants.ts";
import { UsageRate } from "#dispatch/permits/usage-rate.ts";
import { afterRefusal, away, toNoPermit, toVerdict, type Verdict } from "#dispatch/permits/verdict.ts";
import { type Waiting, WaitingCallers } from "#dispatch/permits/waiting-callers.ts";
import type { Provider } from "#dispatch/providers/catalogue.ts";

export interface PoolOptions {
  provider: Provider;
  pod: string;
  exchange(request: ExchangeRequest): Promise<ExchangeReply>;
  /** Only goes forward. */
  nowMs: () => number;
  /** The ledger cannot be asked, and can again. */
  onAway(isAway: boolean, error: unknown): void;
}

const tickMs = 25;
/** How often the ledger is told of requests to a provider without quotas, and asked whether it is blocked. */
const unaskedTellMs = 1_000;
const stopTimeoutMs = 2_000;
const maxTries = 3;

export class ProviderPool implements PermitOwner {
  readonly counts = { granted: 0, returned: 0, expired: 0 };
  readonly #options: PoolOptions;
  readonly #rules: PoolRules;
  readonly #isUnlimited: boolean;
  readonly #held = new HeldGrants();
  readonly #callers = new WaitingCallers();
  readonly #settlements: Settlements;
  readonly #rate = new UsageRate();
  readonly #line: LedgerLine;
  readonly #unasked = new UnaskedGrants();
  #verdict: Verdict | undefined;
  #usedAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#rules = poolRulesOf(options.provider);
    this.#settlements = new Settlements(this.#rules.told);
    this.#isUnlimited = options.provider.quotas.length === 0;
    this.#line = new LedgerLine({
      nowMs: options.nowMs,
      onAway: options.onAway,
      exchange: () => this.#exchange(),
      onFree: () => {
        if (this.#callers.count > 0) this.#line.wake();
        this.#keepTicking();
      },
    });
  }

  get providerId(): string {
    return this.#options.provider.id;
  }

  get isAway(): boolean {
    return this.#line.isAway;
  }

  nowMs(): number {
    return this.#options.nowMs();
  }

  acquire(signal: AbortSignal | undefined): Promise<Permit | NoPermit> {
    const nowMs = this.nowMs();
    this.#rate.add(nowMs);
    this.#usedAtMs = nowMs;
    const permit = this.#takeHeld(nowMs) ?? this.#takeUnasked(nowMs);
    if (permit) return Promise.resolve(permit);
    const verdict = this.#verdict;
    if (verdict && nowMs < verdict.untilMs) return Promise.resolve(toNoPermit(verdict, nowMs));
    if (this.#line.isAway || this.#isStopping) return Promise.resolve(away);
    const outcome = this.#callers.wait(signal);
    this.#line.wake();
    return outcome;
  }

  cameBack(grant: Grant): void {
    if (this.#unasked.cameBack(grant)) return;
    const isOfUse = this.nowMs() < grant.terms.useByMs && !grant.terms.isProbe && !this.#isStopping;
    if (isOfUse && !this.#verdict && grant.terms.epochs.length > 0) this.#held.hold(grant, 1);
    else this.#return(grant, 1);
    this.#keepTicking();
  }

  wasTaken(grant: Grant): void {
    if (this.#settlements.taken(grant, this.nowMs())) this.#line.wake();
    if (!this.#settlements.isEmpty) this.#keepTicking();
  }

  wasRefused(grant: Grant, retryAfterMs: number | undefined): void {
    const nowMs = this.nowMs();
    this.#settlements.refused(grant, nowMs, retryAfterMs);
    this.#verdict = afterRefusal(this.#verdict, retryAfterMs, nowMs);
    this.#returnHeld(Number.POSITIVE_INFINITY);
    this.#line.wake();
    this.#keepTicking();
  }

  /** Gives back what is held. Never rejects. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#line.close();
    clearInterval(this.#timer);
    for (const caller of this.#callers.takeAll()) caller.settle(away);
    this.#returnHeld(Number.POSITIVE_INFINITY);
    const deadline = delay(stopTimeoutMs, undefined, { ref: false });
    if (!(await this.#line.settled(deadline))) return;
    if (this.#settlements.isEmpty && this.#unasked.untold === 0) return;
    this.#exchange();
    await this.#line.settled(deadline);
  }

  #takeHeld(nowMs: number): Permit | undefined {
    this.#expire(nowMs);
    const grant = this.#held.take();
    if (!grant) return undefined;
    if (this.#surplusWanted(nowMs) > this.#held.count) this.#line.wake();
    return new GrantedPermit(this, grant);
  }

  #takeUnasked(nowMs: number): Permit | undefined {
    if (!this.#isUnlimited) return undefined;
    if (this.#verdict && (!this.#line.isAway || nowMs < this.#verdict.untilMs)) return undefined;
    this.#keepTicking();
    return new GrantedPermit(this, this.#unasked.take());
  }

  /** How many to have besides those that are held. */
  #surplusWanted(nowMs: number): number {
    if (this.#isUnlimited || this.#verdict) return 0;
    return Math.max(0, Math.floor(this.#rate.perMs(nowMs) * this.#rules.horizonMs) - this.#held.count);
  }

  #exchange() {
    const sentAtMs = this.nowMs();
    const callers = this.#callers.takeAll();
    const { restore, ...told } = this.#settlements.take(sentAtMs);
    const { restore: restoreUnasked, unasked } = this.#unasked.tell();
    const request = {
      providerId: this.providerId,
      pod: this.#options.pod,
      waiting: callers.length,
      surplus: this.#isStopping ? 0 : this.#surplusWanted(sentAtMs),
      unasked,
      quotas: this.#options.provider.quotas.length,
      ...told,
    };
    this.#line.begin({
      call: () => this.#options.exchange(request),
      onReply: (reply) => this.#apply(reply, callers, sentAtMs),
      onLost: (hasFailed) => {
        if (hasFailed) {
          restore();
          restoreUnasked();
        }
        for (const caller of [...callers, ...this.#callers.takeAll()])
          if (!caller.isOver) caller.settle(away);
        this.#keepTicking();
      },
    });
  }

  #apply(reply: ExchangeReply, callers: readonly Waiting[], sentAtMs: number) {
    if (reply.reason === "blocked" || reply.reason === "probing") this.#returnHeld(Number.POSITIVE_INFINITY);
    this.#hold(reply, sentAtMs);
    // A refusal that was heard of meanwhile is newer than the reply.
    if (!this.#settlements.hasRefusal) this.#verdict = toVerdict(reply, sentAtMs);
    else this.#returnHeld(Number.POSITIVE_INFINITY);
    const nowMs = this.nowMs();
    this.#expire(nowMs);
    const again: Waiting[] = [];
    for (const caller of callers) {
      if (caller.isOver) continue;
      const grant = this.#held.take();
      if (grant) caller.settle(new GrantedPermit(this, grant));
      else if (this.#verdict) caller.settle(toNoPermit(this.#verdict, nowMs));
      else if (++caller.tries < maxTries && !this.#isStopping) again.push(caller);
      else caller.settle(away);
    }
    this.#callers.putBack(again);
  }

  #hold(reply: ExchangeReply, sentAtMs: number) {
    const terms = { ...reply, useByMs: sentAtMs + reply.lifeMs };
    if (this.#isUnlimited) this.#unasked.renew(reply);
    if (reply.granted === 0) return;
    this.counts.granted += reply.granted;
    const grant = new Grant(terms, 0);
    if (this.#isStopping) this.#return(grant, reply.granted);
    else this.#held.hold(grant, reply.granted);
  }

  #return(grant: Grant, count: number) {
    this.counts.returned += count;
    this.#settlements.returned(grant, count);
  }

  #returnHeld(endedAtMs: number) {
    this.#held.release(endedAtMs, (grant, count) => this.#return(grant, count));
  }

  #expire(nowMs: number) {
    this.#held.release(nowMs, (grant, count) => {
      this.counts.expired += count;
      this.#return(grant, count);
    });
  }

  #keepTicking() {
    if (this.#isStopping || this.#timer) return;
    this.#timer = setInterval(() => this.#tick(), tickMs).unref();
  }

  #tick() {
    const nowMs = this.nowMs();
    this.#expire(nowMs);
    if (!this.#line.isAway && nowMs - this.#usedAtMs >= this.#rules.idleMs) {
      this.#returnHeld(Number.POSITIVE_INFINITY);
    }
    if (this.#line.isBusy) return;
    const isDue = this.#line.isAway
      ? this.#line.isRetryDue
      : !this.#settlements.isEmpty || (this.#unasked.untold > 0 && this.#line.idleMs >= unaskedTellMs);
    if (isDue) {
      this.#exchange();
    } else if (this.#held.count === 0 && this.#unasked.untold === 0 && !this.#line.isAway) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
