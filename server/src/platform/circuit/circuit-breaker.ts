/**
 * A circuit breaker: after too many failures, or too many slow calls, calls are refused at once for a while; then a few
 * probes show whether the service is back. See docs/circuits.md, and docs/decisions/0019-circuit-breaker.md for why it
 * is our own. Pure: the clock is handed in, and what depends on time is done at the next call, so there are no timers.
 */
import type {
  Circuit,
  CircuitOptions,
  CircuitSnapshot,
  CircuitState,
  Pass,
  Refusal,
  Transition,
  TransitionReason,
} from "#platform/circuit/circuit.ts";
import { type CallCounts, SlidingWindow } from "#platform/circuit/sliding-window.ts";

export function createCircuit(options: CircuitOptions): Circuit {
  return new CircuitBreaker(options);
}

type Outcome = "success" | "failure" | "ignored";

class CircuitPass implements Pass {
  readonly isAdmitted = true;
  readonly startedMs: number;
  readonly generation: number;
  readonly isPatient: boolean;
  readonly #circuit: CircuitBreaker;
  #isSettled = false;

  constructor(circuit: CircuitBreaker, startedMs: number, generation: number, isPatient: boolean) {
    this.#circuit = circuit;
    this.startedMs = startedMs;
    this.generation = generation;
    this.isPatient = isPatient;
  }

  succeed() {
    this.#settle("success", "");
  }

  fail(reason: string) {
    this.#settle("failure", reason);
  }

  ignore() {
    this.#settle("ignored", "");
  }

  #settle(outcome: Outcome, failure: string) {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#circuit.settle(this, outcome, failure);
  }
}

class CircuitBreaker implements Circuit {
  readonly limits: CircuitOptions;
  readonly #window: SlidingWindow;
  readonly #totals = { success: 0, failure: 0, ignored: 0, refused: 0 };
  /** In the order in which they began, and so of their deadlines. */
  readonly #probes = new Set<CircuitPass>();
  #state: CircuitState = "closed";
  /** Grows with each change of state: outcomes of calls that began before are dropped. */
  #generation = 0;
  #sinceMs: number;
  #openUntilMs = 0;
  #openForMs = 0;
  /** Openings in a row, without a rest between them. */
  #streak = 0;
  #opened = 0;
  #probesSucceeded = 0;
  #failure = "";
  #transition: Transition | undefined;

  constructor(options: CircuitOptions) {
    this.limits = options;
    this.#window = new SlidingWindow(options.windowMs);
    this.#sinceMs = options.now();
  }

  get name() {
    return this.limits.name;
  }

  tryEnter(isPatient = false): Pass | Refusal {
    const nowMs = this.limits.now();
    if (this.#state === "closed") return new CircuitPass(this, nowMs, this.#generation, isPatient);
    const refusal = this.#refusalAt(nowMs);
    if (refusal) {
      this.#totals.refused += 1;
      return refusal;
    }
    const probe = new CircuitPass(this, nowMs, this.#generation, isPatient);
    this.#probes.add(probe);
    return probe;
  }

  refuseWaiting(): Refusal | undefined {
    if (this.#state === "closed") return undefined;
    // Half-open, a place among the probes is for who can go at once.
    const refusal = this.#refusalAt(this.limits.now()) ?? refuse("probing", this.limits.openMs);
    this.#totals.refused += 1;
    return refusal;
  }

  get snapshot(): CircuitSnapshot {
    const nowMs = this.limits.now();
    const retryAfterMs = this.#refusalAt(nowMs)?.retryAfterMs ?? 0;
    return {
      state: this.#state,
      sinceMs: this.#sinceMs,
      counts: this.#window.counts(nowMs),
      totals: { ...this.#totals },
      retryAfterMs,
      opened: this.#opened,
      probesUnderWay: this.#probes.size,
      probesSucceeded: this.#probesSucceeded,
      transition: this.#transition,
    };
  }

  /** Called once by each pass. */
  settle(pass: CircuitPass, outcome: Outcome, failure: string) {
    const nowMs = this.limits.now();
    this.#totals[outcome] += 1;
    // A probe that comes too late must not count, even if nobody has looked since.
    if (this.#state !== "closed") this.#passTime(nowMs);
    if (pass.generation !== this.#generation) return;
    this.#probes.delete(pass);
    if (outcome === "ignored") return;
    if (outcome === "failure") this.#failure = failure;
    const { slowMs } = this.limits;
    const isSlow = slowMs > 0 && !pass.isPatient && nowMs - pass.startedMs >= slowMs;
    if (this.#state === "half-open") this.#judgeProbe(nowMs, outcome === "failure", isSlow);
    else this.#judgeWindow(nowMs, this.#window.record(nowMs, outcome === "failure", isSlow));
  }

  #judgeWindow(nowMs: number, { calls, failures, slow }: CallCounts) {
    const { minCalls, failurePercent, slowMs, slowPercent } = this.limits;
    if (calls < minCalls) return;
    if (failures * 100 >= failurePercent * calls) this.#open("failures", nowMs);
    else if (slowMs > 0 && slow * 100 >= slowPercent * calls) this.#open("slow-calls", nowMs);
  }

  #judgeProbe(nowMs: number, isFailure: boolean, isSlow: boolean) {
    if (isFailure) return this.#open("probe-failed", nowMs);
    if (isSlow) return this.#open("probe-slow", nowMs);
    this.#probesSucceeded += 1;
    if (this.#probesSucceeded >= this.limits.probes) this.#move("closed", "probes-succeeded", nowMs);
  }

  #refusalAt(nowMs: number): Refusal | undefined {
    this.#passTime(nowMs);
    if (this.#state === "open") return refuse("open", this.#openUntilMs - nowMs);
    if (this.#state === "closed") return undefined;
    const [oldest] = this.#probes;
    if (!oldest || this.#probes.size + this.#probesSucceeded < this.limits.probes) return undefined;
    const { openMs, probeTimeoutMs } = this.limits;
    return refuse("probing", Math.min(openMs, oldest.startedMs + probeTimeoutMs - nowMs));
  }

  #passTime(nowMs: number) {
    if (this.#state === "open" && nowMs >= this.#openUntilMs)
      this.#move("half-open", "open-time-over", nowMs);
    if (this.#state !== "half-open") return;
    for (const probe of this.#probes) {
      if (nowMs - probe.startedMs < this.limits.probeTimeoutMs) return;
      if (!probe.isPatient) return this.#open("probe-hung", nowMs);
      this.#probes.delete(probe);
    }
  }

  #open(reason: TransitionReason, nowMs: number) {
    const { windowMs, openMs, openMaxMs, random } = this.limits;
    const hasRested = nowMs - this.#sinceMs >= Math.max(windowMs, this.#openForMs);
    if (this.#state === "closed" && hasRested) this.#streak = 0;
    const boundMs = Math.min(openMaxMs, openMs * 2 ** this.#streak);
    if (boundMs < openMaxMs) this.#streak += 1;
    // Spread out, so that the pods of a cluster do not come back to the service all at once.
    this.#openForMs = boundMs * (0.5 + random() / 2);
    this.#openUntilMs = nowMs + this.#openForMs;
    this.#opened += 1;
    this.#move("open", reason, nowMs);
  }

  #move(to: CircuitState, reason: TransitionReason, nowMs: number) {
    const counts = this.#window.counts(nowMs);
    this.#transition = { from: this.#state, to, reason, failure: this.#failure, counts, atMs: nowMs };
    this.#state = to;
    this.#sinceMs = nowMs;
    this.#generation += 1;
    this.#probes.clear();
    this.#probesSucceeded = 0;
    if (to === "closed") {
      this.#window.clear();
      this.#failure = "";
    }
    this.limits.onTransition?.(this.#transition);
  }
}

function refuse(reason: Refusal["reason"], waitMs: number): Refusal {
  return { isAdmitted: false, reason, retryAfterMs: Math.max(1, Math.ceil(waitMs)) };
}
