/**
 * The permits of one provider at this process: those held, and one exchange with the ledger at a time, which takes along
 * all that gathered while the one before was under way.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Grant, type GrantTerms } from "#dispatch/permits/grant.ts";
import { GrantedPermit, type PermitOwner } from "#dispatch/permits/granted-permit.ts";
import { HeldGrants } from "#dispatch/permits/held-grants.ts";
import type { NoPermit, Permit } from "#dispatch/permits/permits.ts";
import { type PoolRules, poolRulesOf } from "#dispatch/permits/pool-rules.ts";
import { Settlements } from "#dispatch/permits/settlements.ts";
import type { ExchangeReply, ExchangeRequest } from "#dispatch/permits/store-permits.ts";
import { UsageRate } from "#dispatch/permits/usage-rate.ts";
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

interface Verdict extends Omit<NoPermit, "opensInMs"> {
  readonly opensAtMs: number | undefined;
  /** It is no use to ask before. */
  readonly untilMs: number;
}

const exchangeTimeoutMs = 1_000;
const awayRetryMs = 500;
const tickMs = 25;
/** How often the ledger is told of requests to a provider without quotas, and asked whether it is blocked. */
const unaskedTellMs = 1_000;
const stopTimeoutMs = 2_000;
const maxTries = 3;
/** How long a refusal holds here until the ledger has answered it. */
const refusalHoldMs = 250;

export class ProviderPool implements PermitOwner {
  readonly counts = { granted: 0, returned: 0, expired: 0 };
  readonly #options: PoolOptions;
  readonly #rules: PoolRules;
  readonly #isUnlimited: boolean;
  readonly #held = new HeldGrants();
  readonly #callers = new WaitingCallers();
  readonly #settlements = new Settlements();
  readonly #rate = new UsageRate();
  #unlimitedGrant = new Grant({ ...noTerms, episode: 0, isSuspect: false }, 0);
  #unasked = 0;
  #verdict: Verdict | undefined;
  #isScheduled = false;
  #underWay: Promise<void> | undefined;
  #isAway = false;
  #exchangedAtMs = 0;
  #usedAtMs = 0;
  /** In which a request is known to have been taken. */
  #trustedEpisode = -1;
  /** Of which the first response was told. */
  #confirmedEpochs = "";
  #timer: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#rules = poolRulesOf(options.provider);
    this.#isUnlimited = options.provider.quotas.length === 0;
  }

  get providerId(): string {
    return this.#options.provider.id;
  }

  get isAway(): boolean {
    return this.#isAway;
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
    if (this.#isAway || this.#isStopping) return Promise.resolve(away);
    const outcome = this.#callers.wait(signal);
    this.#wake();
    return outcome;
  }

  cameBack(grant: Grant): void {
    const isOfUse = this.nowMs() < grant.terms.useByMs && !grant.terms.isProbe && !this.#isStopping;
    if (grant === this.#unlimitedGrant && this.#unasked > 0) this.#unasked -= 1;
    else if (isOfUse && !this.#verdict && grant.terms.epochs.length > 0) this.#held.hold(grant, 1);
    else this.#return(grant, 1);
    this.#keepTicking();
  }

  wasTaken(grant: Grant): void {
    const { terms } = grant;
    if ((terms.isSuspect || terms.isProbe) && terms.episode > this.#trustedEpisode) {
      this.#trustedEpisode = terms.episode;
      this.#settlements.accepted(terms.episode);
      this.#wake();
    }
    if (this.#rules.told === "none") return;
    if (this.#rules.told === "all") {
      this.#settlements.responded(grant, this.nowMs());
      this.#keepTicking();
      return;
    }
    const epochs = terms.epochs.join();
    if (epochs === this.#confirmedEpochs) return;
    this.#confirmedEpochs = epochs;
    this.#settlements.responded(grant, this.nowMs());
    this.#wake();
  }

  wasRefused(grant: Grant, retryAfterMs: number | undefined): void {
    const nowMs = this.nowMs();
    this.#settlements.refused(grant, nowMs, retryAfterMs);
    const untilMs = nowMs + (retryAfterMs ?? refusalHoldMs);
    if (!this.#verdict || this.#verdict.untilMs < untilMs) {
      const opensAtMs = retryAfterMs === undefined ? undefined : untilMs;
      this.#verdict = { reason: "blocked", opensAtMs, untilMs };
    }
    this.#returnHeld(Number.POSITIVE_INFINITY);
    this.#wake();
    this.#keepTicking();
  }

  /** Gives back what is held. Never rejects. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#timer);
    for (const caller of this.#callers.takeAll()) caller.settle(away);
    this.#returnHeld(Number.POSITIVE_INFINITY);
    const deadline = delay(stopTimeoutMs, undefined, { ref: false });
    await Promise.race([this.#underWay, deadline]);
    if (this.#underWay || (this.#settlements.isEmpty && this.#unasked === 0)) return;
    this.#exchange();
    await Promise.race([this.#underWay, deadline]);
  }

  #takeHeld(nowMs: number): Permit | undefined {
    this.#expire(nowMs);
    const grant = this.#held.take();
    if (!grant) return undefined;
    if (this.#surplusWanted(nowMs) > this.#held.count) this.#wake();
    return new GrantedPermit(this, grant);
  }

  #takeUnasked(nowMs: number): Permit | undefined {
    if (!this.#isUnlimited) return undefined;
    if (this.#verdict && (!this.#isAway || nowMs < this.#verdict.untilMs)) return undefined;
    this.#unasked += 1;
    this.#keepTicking();
    return new GrantedPermit(this, this.#unlimitedGrant);
  }

  /** How many to have besides those that are held. */
  #surplusWanted(nowMs: number): number {
    if (this.#isUnlimited || this.#verdict) return 0;
    return Math.max(0, Math.floor(this.#rate.perMs(nowMs) * this.#rules.horizonMs) - this.#held.count);
  }

  /** Not at once: callers of the same turn are asked for together. */
  #wake() {
    if (this.#isScheduled || this.#underWay || this.#isAway || this.#isStopping) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (!this.#underWay && !this.#isStopping) this.#exchange();
    });
  }

  #exchange() {
    const sentAtMs = this.nowMs();
    const callers = this.#callers.takeAll();
    const { restore, ...told } = this.#settlements.take(sentAtMs);
    const unasked = this.#unasked;
    this.#unasked = 0;
    this.#exchangedAtMs = sentAtMs;
    const overdue = setTimeout(
      () => this.#lose(callers, new Error("the ledger did not answer in time")),
      exchangeTimeoutMs,
    );
    const request = {
      providerId: this.providerId,
      pod: this.#options.pod,
      waiting: callers.length,
      surplus: this.#isStopping ? 0 : this.#surplusWanted(sentAtMs),
      unasked,
      quotas: this.#options.provider.quotas.length,
      ...told,
    };
    this.#underWay = this.#options
      .exchange(request)
      .then(
        (reply) => this.#apply(reply, callers, sentAtMs),
        (error) => {
          restore();
          this.#unasked += unasked;
          this.#lose(callers, error);
        },
      )
      .finally(() => {
        clearTimeout(overdue);
        this.#underWay = undefined;
        if (this.#callers.count > 0) this.#wake();
        this.#keepTicking();
      });
  }

  #apply(reply: ExchangeReply, callers: readonly Waiting[], sentAtMs: number) {
    if (this.#isAway) {
      this.#isAway = false;
      this.#options.onAway(false, undefined);
    }
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
    if (this.#isUnlimited) this.#renewUnlimited(reply);
    if (reply.granted === 0) return;
    this.counts.granted += reply.granted;
    const grant = new Grant(terms, 0);
    if (this.#isStopping) this.#return(grant, reply.granted);
    else this.#held.hold(grant, reply.granted);
  }

  #renewUnlimited({ episode, isSuspect }: ExchangeReply) {
    const { terms } = this.#unlimitedGrant;
    if (terms.episode === episode && terms.isSuspect === isSuspect) return;
    this.#unlimitedGrant = new Grant({ ...noTerms, episode, isSuspect }, 0);
  }

  /** The ledger cannot be asked: whoever waits does so in vain. */
  #lose(callers: readonly Waiting[], error: unknown) {
    for (const caller of [...callers, ...this.#callers.takeAll()]) if (!caller.isOver) caller.settle(away);
    if (!this.#isAway) {
      this.#isAway = true;
      this.#options.onAway(true, error);
    }
    this.#keepTicking();
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
    if (!this.#isAway && nowMs - this.#usedAtMs >= this.#rules.idleMs) {
      this.#returnHeld(Number.POSITIVE_INFINITY);
    }
    if (this.#underWay) return;
    const sinceMs = nowMs - this.#exchangedAtMs;
    const isDue = this.#isAway
      ? sinceMs >= awayRetryMs
      : !this.#settlements.isEmpty || (this.#unasked > 0 && sinceMs >= unaskedTellMs);
    if (isDue) {
      this.#exchange();
    } else if (this.#held.count === 0 && this.#unasked === 0 && !this.#isAway) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}

const noTerms: Omit<GrantTerms, "episode" | "isSuspect"> = {
  epochs: [],
  lasts: [],
  isProbe: false,
  useByMs: Number.POSITIVE_INFINITY,
};

const away: NoPermit = { reason: "away", opensInMs: undefined };

function toVerdict(reply: ExchangeReply, sentAtMs: number): Verdict | undefined {
  const { reason, opensInMs, holdMs, used, limit } = reply;
  if (!reason) return undefined;
  return {
    reason,
    opensAtMs: opensInMs === null ? undefined : sentAtMs + opensInMs,
    untilMs: sentAtMs + (holdMs ?? 0),
    ...(used === null ? {} : { used }),
    ...(limit === null ? {} : { limit }),
  };
}

function toNoPermit({ untilMs: _, opensAtMs, ...rest }: Verdict, nowMs: number): NoPermit {
  return { ...rest, opensInMs: opensAtMs === undefined ? undefined : Math.max(0, opensAtMs - nowMs) };
}
