/** What a simulated provider has seen: the truth that its users' counting is compared with. */
import type { Fault } from "#provider-sim/fault.ts";
import { nameOfFault } from "#provider-sim/fault.ts";
import type { QuotaRule } from "#provider-sim/quota/quota-rule.ts";
import type { WindowRecord } from "#provider-sim/quota/window-records.ts";
import { RecentKeys } from "#provider-sim/recent-keys.ts";

export interface Ledger {
  /** Requests counted against the quotas. */
  readonly accepted: number;
  /** Requests answered with 429. */
  readonly refused: number;
  /** Accepted ones that were carried out; those that failed with a status were not. */
  readonly processed: number;
  /** Repetitions of an id that got the first outcome: neither counted nor charged. */
  readonly replayed: number;
  /** Requests that were processed although one with the same id had been before. */
  readonly duplicates: number;
  /** The same, by the text: for callers who send no id. */
  readonly repeatedTexts: number;
  readonly spend: number;
  /** By kind, e.g. {"500": 3, "hang": 1}. */
  readonly faults: Readonly<Record<string, number>>;
  readonly underWay: number;
  /** The latest 1,000 of each quota, in the order in which they opened; `quota` is its place in the list of quotas. */
  readonly windows: readonly (WindowRecord & { readonly quota: number })[];
}

const microsPerUnit = 1_000_000;

export class LedgerBook {
  readonly #ids = new RecentKeys();
  readonly #texts = new RecentKeys();
  readonly #faults: Record<string, number> = {};
  #accepted = 0;
  #refused = 0;
  #processed = 0;
  #replayed = 0;
  #duplicates = 0;
  #repeatedTexts = 0;
  #spendMicros = 0;

  accept = () => void this.#accepted++;
  refuse = () => void this.#refused++;
  replay = () => void this.#replayed++;

  process(id: string | undefined, text: string, priceMicros: number): void {
    this.#processed++;
    this.#spendMicros += priceMicros;
    if (id !== undefined && this.#ids.sees(id)) this.#duplicates++;
    if (this.#texts.sees(text)) this.#repeatedTexts++;
  }

  fail(fault: Fault): void {
    const name = nameOfFault(fault);
    this.#faults[name] = (this.#faults[name] ?? 0) + 1;
  }

  read(rules: readonly QuotaRule[], underWay: number): Ledger {
    return {
      accepted: this.#accepted,
      refused: this.#refused,
      processed: this.#processed,
      replayed: this.#replayed,
      duplicates: this.#duplicates,
      repeatedTexts: this.#repeatedTexts,
      spend: this.#spendMicros / microsPerUnit,
      faults: { ...this.#faults },
      underWay,
      windows: rules
        .flatMap((rule, quota) => rule.windows().map((window) => ({ quota, ...window })))
        .sort((a, b) => a.openedAt - b.openedAt),
    };
  }
}
