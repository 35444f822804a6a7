/**
 * Leave to send one request to a provider without going over its quotas: counted before it is sent, in the database, for
 * all processes together. See docs/decisions/0026-permits.md.
 */

import type { QuotaKind } from "#dispatch/providers/catalogue.ts";

export interface Permit {
  readonly providerId: string;
  /** This request tries whether a blocked provider takes requests again. */
  readonly isProbe: boolean;
  /**
   * To be called immediately before the request is sent; from then on the permit counts as used. False: it has come too
   * late and was given back; ask for another one.
   */
  use(): boolean;
  /** The request was certainly not sent. Must be called when use() is not, and may be called after it. */
  giveBack(): void;
  /** The provider has taken the request, whatever it made of it. */
  accepted(): void;
  /** The provider refused it for its quota (429). retryAfterMs as the provider says; undefined: it says nothing. */
  refused(retryAfterMs: number | undefined): void;
  /** Nobody knows whether the provider has seen it. It stays counted. */
  unknown(): void;
}

export interface NoPermit {
  readonly reason: "spent" | "blocked" | "probing" | "away";
  /** When there may be one; undefined: nobody knows. */
  readonly opensInMs: number | undefined;
  /** Of the quota that is in the way; absent for a block of unknown cause. */
  readonly used?: number;
  readonly limit?: number;
}

/** What the ledger says of a provider, for operators. */
export interface PermitStatus {
  readonly providerId: string;
  readonly state: "open" | "spent" | "blocked" | "probing";
  /** Milliseconds since 1970 by the database's clock; undefined: it is open, or nobody knows. */
  readonly opensAtMs: number | undefined;
  /** Permits granted, less those that came back, and refusals; since midnight (UTC). */
  readonly requestsToday: number;
  readonly refusalsToday: number;
  /** In the order of the catalogue. */
  readonly quotas: readonly QuotaState[];
}

export interface QuotaState {
  readonly kind: QuotaKind;
  readonly limit: number;
  /** What the provider seems to grant. */
  readonly estimate: number;
  readonly used: number;
  readonly epoch: number;
  readonly resetsAtMs: number | undefined;
}

export interface Permits {
  /**
   * Waits for the database at the most, a second at the most, and rejects when the signal aborts. A provider without quotas
   * grants at once, and always, unless it said itself that it is blocked.
   */
  acquire(providerId: string, signal?: AbortSignal): Promise<Permit | NoPermit>;
  /** Of the catalogue's providers; asks the database. */
  status(): Promise<PermitStatus[]>;
  start(): Promise<void>;
  /** Gives back what is held. */
  stop(): Promise<void>;
}

export const isPermit = (one: Permit | NoPermit): one is Permit => "use" in one;
