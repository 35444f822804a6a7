/** Permits that the ledger granted together: how many are still held here, and what became of the others. */
export interface GrantTerms {
  /** Of each quota: the epochs that the permits count in. */
  readonly epochs: readonly number[];
  readonly lasts: readonly number[];
  readonly episode: number;
  readonly isProbe: boolean;
  /** That one was taken is to be told, for it ends a suspicion. */
  readonly isSuspect: boolean;
  /** By this process's monotonic clock. */
  readonly useByMs: number;
}

export class Grant {
  held: number;
  /** Not told yet. */
  returned = 0;
  responded = 0;
  refused = 0;
  firstResponseAtMs = 0;
  lastResponseAtMs = 0;
  /** It waits to be told of. */
  isNoted = false;

  readonly terms: GrantTerms;

  constructor(terms: GrantTerms, count: number) {
    this.terms = terms;
    this.held = count;
  }
}
