/** A provider without its wire: what becomes of a request that arrives at a moment. */
import {
  type Behaviour,
  type BehaviourInput,
  changeBehaviour,
  defaultBehaviour,
} from "#provider-sim/behaviour.ts";
import type { Fault } from "#provider-sim/fault.ts";
import { type Ledger, LedgerBook } from "#provider-sim/ledger.ts";
import { createQuotaRule } from "#provider-sim/quota/parse-quota.ts";
import type { QuotaRule } from "#provider-sim/quota/quota-rule.ts";
import { ReplayStore } from "#provider-sim/replay-store.ts";

export interface Arrival {
  /** What the idempotency header says. */
  readonly id: string | undefined;
  readonly text: string;
}

export type Verdict =
  | { readonly kind: "refused"; readonly retryAfterMs: number | undefined }
  | { readonly kind: "taken"; readonly result: string; readonly fault: Fault; readonly readyInMs: number }
  | { readonly kind: "replayed"; readonly result: string; readonly readyInMs: number };

export interface SimulatedProviderOptions {
  readonly behaviour: BehaviourInput;
  /** Whether a repeated id gets the first outcome. */
  readonly replays: boolean;
  /** Milliseconds since 1970. */
  now(): number;
  random(): number;
}

const ok: Fault = { kind: "ok" };

export class SimulatedProvider {
  readonly #options: SimulatedProviderOptions;
  #behaviour: Behaviour = defaultBehaviour;
  #script: Fault[] = [];
  #rules: QuotaRule[] = [];
  #ledger = new LedgerBook();
  #replays = new ReplayStore();
  #latestNow = Number.NEGATIVE_INFINITY;
  /** Requests that have arrived and not been answered. */
  underWay = 0;

  /** Throws an Error that says what is wrong with the behaviour. */
  constructor(options: SimulatedProviderOptions) {
    this.#options = options;
    this.change(options.behaviour);
  }

  get behaviour(): Behaviour {
    return this.#behaviour;
  }

  /** Throws an Error that says what is wrong, and then changes nothing. */
  change(input: unknown): void {
    const changed = changeBehaviour(this.#behaviour, input);
    if (changed.script !== this.#behaviour.script) this.#script = [...changed.script];
    if (changed.quotas !== this.#behaviour.quotas) this.#rules = changed.quotas.map(createQuotaRule);
    this.#behaviour = changed;
  }

  /** Counts, windows and what is known of ids begin anew; the behaviour stays. */
  reset(): void {
    this.#rules = this.#behaviour.quotas.map(createQuotaRule);
    this.#ledger = new LedgerBook();
    this.#replays = new ReplayStore();
  }

  ledger = (): Ledger => this.#ledger.read(this.#rules, this.underWay);

  arrive(request: Arrival): Verdict {
    const now = this.#now();
    const first =
      request.id !== undefined && this.#options.replays ? this.#replays.get(request.id) : undefined;
    if (first) {
      this.#ledger.replay();
      return { kind: "replayed", result: first.result, readyInMs: Math.max(0, first.readyAt - now) };
    }
    if (this.#rules.some((rule) => rule.waitMs(now) > 0)) return this.#refuse(now);
    return this.#take(request, now);
  }

  /** What each quota has left, as RateLimit headers tell it. */
  quotasLeft() {
    const now = this.#now();
    return this.#rules.map((rule, index) => ({ ...this.#behaviour.quotas[index]!, ...rule.left(now) }));
  }

  #refuse(now: number): Verdict {
    for (const rule of this.#rules) if (rule.waitMs(now) > 0) rule.refuse(now);
    this.#ledger.refuse();
    return { kind: "refused", retryAfterMs: Math.max(...this.#rules.map((rule) => rule.waitMs(now))) };
  }

  #take(request: Arrival, now: number): Verdict {
    const fault = this.#nextFault();
    if (fault.kind !== "ok") this.#ledger.fail(fault);
    if (fault.kind === "status" && fault.status === 429) {
      this.#ledger.refuse();
      return { kind: "refused", retryAfterMs: undefined };
    }
    for (const rule of this.#rules) rule.accept(now);
    this.#ledger.accept();
    const readyInMs = this.#behaviour.latency(this.#options.random);
    const result = request.text.toUpperCase();
    if (fault.kind !== "status") this.#process(request, { result, readyAt: now + readyInMs });
    return { kind: "taken", result, fault, readyInMs };
  }

  #process({ id, text }: Arrival, outcome: { result: string; readyAt: number }): void {
    this.#ledger.process(id, text, this.#behaviour.priceMicros);
    if (id !== undefined && this.#options.replays) this.#replays.add(id, outcome);
  }

  #nextFault(): Fault {
    const scripted = this.#script.shift();
    if (scripted) return scripted;
    const { faultRate, faults } = this.#behaviour;
    if (faultRate === 0 || this.#options.random() >= faultRate) return ok;
    return faults[Math.floor(this.#options.random() * faults.length)]!;
  }

  /** Windows do not run backwards when the machine's clock is set. */
  #now(): number {
    this.#latestNow = Math.max(this.#latestNow, this.#options.now());
    return this.#latestNow;
  }
}
