/**
 * How a simulated provider counts. Written without regard to how dispatch counts permits: each is the other's check.
 * Times are milliseconds since 1970 and never go back.
 */
import type { WindowRecord } from "#provider-sim/quota/window-records.ts";

export interface QuotaOptions {
  readonly kind: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly blockMs: number;
  readonly offsetMs: number;
}

export interface QuotaRule {
  /** How long until it takes a request; 0: it takes one now. */
  waitMs(now: number): number;
  /** Only while waitMs is 0. */
  accept(now: number): void;
  /** Only while waitMs is not 0. */
  refuse(now: number): void;
  /** For RateLimit headers: what is left, and until when nothing is given back. */
  left(now: number): { readonly remaining: number; readonly resetMs: number };
  windows(): readonly WindowRecord[];
}
