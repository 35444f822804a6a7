/** What is to be told to the ledger with the next exchange. */
import type { Grant, GrantTerms } from "#dispatch/permits/grant.ts";
import type { PoolRules } from "#dispatch/permits/pool-rules.ts";
import type { ExchangeRequest, Settlement } from "#dispatch/permits/store-permits.ts";

type Told = Pick<ExchangeRequest, "settlements" | "refusal" | "acceptedEpisode" | "unsentProbeEpisode">;

/** The rest is told with the next exchange. */
const maxGrantsPerExchange = 500;

interface PendingRefusal {
  episode: number;
  atMs: number;
  /** Undefined: the provider did not say. */
  blockedUntilMs: number | undefined;
}

export class Settlements {
  readonly #told: PoolRules["told"];
  #grants: Grant[] = [];
  #refusal: PendingRefusal | undefined;
  #acceptedEpisode: number | undefined;
  #unsentProbeEpisode: number | undefined;
  /** In which a request is known to have been taken. */
  #trustedEpisode = -1;
  /** Of which the first response was told. */
  #confirmedEpochs = "";

  constructor(told: PoolRules["told"]) {
    this.#told = told;
  }

  get isEmpty(): boolean {
    return (
      this.#grants.length === 0 &&
      this.#refusal === undefined &&
      this.#acceptedEpisode === undefined &&
      this.#unsentProbeEpisode === undefined
    );
  }

  get hasRefusal(): boolean {
    return this.#refusal !== undefined;
  }

  returned(grant: Grant, count: number): void {
    grant.returned += count;
    if (grant.terms.isProbe) this.#unsentProbeEpisode = grant.terms.episode;
    this.#note(grant);
  }

  /** A request was taken. Answers whether the ledger should hear of it at once. */
  taken(grant: Grant, nowMs: number): boolean {
    const isNews = this.#trust(grant.terms);
    if (this.#told === "none") return isNews;
    if (this.#told === "first") {
      const epochs = grant.terms.epochs.join();
      if (epochs === this.#confirmedEpochs) return isNews;
      this.#confirmedEpochs = epochs;
    }
    if (grant.responded === 0) grant.firstResponseAtMs = nowMs;
    grant.lastResponseAtMs = nowMs;
    grant.responded += 1;
    this.#note(grant);
    return isNews || this.#told === "first";
  }

  refused(grant: Grant, nowMs: number, retryAfterMs: number | undefined): void {
    grant.refused += 1;
    this.#note(grant);
    this.#addRefusal({
      episode: grant.terms.episode,
      atMs: nowMs,
      blockedUntilMs: retryAfterMs === undefined ? undefined : nowMs + retryAfterMs,
    });
  }

  /** Takes what is to be told; give it back with `restore` when it was not. */
  take(nowMs: number): Told & { restore(): void } {
    const settlements = this.#grants.splice(0, maxGrantsPerExchange).map((grant) => settle(grant, nowMs));
    const refusal = this.#refusal;
    const told: Told = {
      settlements,
      refusal: refusal && {
        episode: refusal.episode,
        ageMs: nowMs - refusal.atMs,
        retryAfterMs: refusal.blockedUntilMs && Math.max(0, refusal.blockedUntilMs - nowMs),
      },
      acceptedEpisode: this.#acceptedEpisode,
      unsentProbeEpisode: this.#unsentProbeEpisode,
    };
    this.#refusal = undefined;
    this.#acceptedEpisode = undefined;
    this.#unsentProbeEpisode = undefined;
    // Only a refusal may be told twice. A permit that came back twice would be granted once too often.
    return { ...told, restore: () => refusal && this.#addRefusal(refusal) };
  }

  /** Whether that one was taken ends a suspicion. */
  #trust({ isSuspect, isProbe, episode }: GrantTerms): boolean {
    if (!(isSuspect || isProbe) || episode <= this.#trustedEpisode) return false;
    this.#trustedEpisode = episode;
    this.#acceptedEpisode = episode;
    return true;
  }

  #note(grant: Grant) {
    if (grant.isNoted) return;
    grant.isNoted = true;
    this.#grants.push(grant);
  }

  #addRefusal(one: PendingRefusal) {
    const known = this.#refusal;
    if (!known) {
      this.#refusal = one;
      return;
    }
    known.episode = Math.max(known.episode, one.episode);
    known.atMs = Math.max(known.atMs, one.atMs);
    known.blockedUntilMs = latest(known.blockedUntilMs, one.blockedUntilMs);
  }
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.max(a, b);
}

function settle(grant: Grant, nowMs: number): Settlement {
  const settlement = {
    epochs: grant.terms.epochs,
    lasts: grant.terms.lasts,
    returned: grant.returned,
    responded: grant.responded,
    refused: grant.refused,
    firstAgeMs: grant.responded > 0 ? nowMs - grant.firstResponseAtMs : 0,
    lastAgeMs: grant.responded > 0 ? nowMs - grant.lastResponseAtMs : 0,
  };
  grant.isNoted = false;
  grant.returned = 0;
  grant.responded = 0;
  grant.refused = 0;
  return settlement;
}
