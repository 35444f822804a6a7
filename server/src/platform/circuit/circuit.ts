/** What a circuit breaker is to those who use it; circuit-breaker.ts is how it works. */
import type { CallCounts } from "#platform/circuit/sliding-window.ts";

export type CircuitState = "closed" | "open" | "half-open";

export type TransitionReason =
  | "failures"
  | "slow-calls"
  | "open-time-over"
  | "probe-failed"
  | "probe-slow"
  | "probe-hung"
  | "probes-succeeded";

export interface CircuitLimits {
  readonly windowMs: number;
  /** With fewer calls in the window it does not open. Infinity: never. */
  readonly minCalls: number;
  readonly failurePercent: number;
  /** A call that takes so long is slow; 0: none is. */
  readonly slowMs: number;
  readonly slowPercent: number;
  /** Upper bound of the first open time. Each opening that follows without a rest doubles it. */
  readonly openMs: number;
  readonly openMaxMs: number;
  /** So many must succeed to close it, and no more are let through while it is half-open. */
  readonly probes: number;
  /** A probe without an outcome for so long has failed. */
  readonly probeTimeoutMs: number;
}

export interface CircuitOptions extends CircuitLimits {
  readonly name: string;
  /** Milliseconds, never going back; not the time of day. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly onTransition?: (transition: Transition) => void;
}

export interface Transition {
  readonly from: CircuitState;
  readonly to: CircuitState;
  readonly reason: TransitionReason;
  /** What the last failed call failed with; empty when there was none. */
  readonly failure: string;
  /** In the window, at that moment. */
  readonly counts: CallCounts;
  /** By the circuit's clock. */
  readonly atMs: number;
}

/** Leave to make one call. Of its outcomes the first counts, and only in the state in which the call began. */
export interface Pass {
  readonly isAdmitted: true;
  succeed(): void;
  /** The reason is a code, never a text. */
  fail(reason: string): void;
  /** The call says nothing about the service. */
  ignore(): void;
}

export interface Refusal {
  readonly isAdmitted: false;
  readonly reason: "open" | "probing";
  readonly retryAfterMs: number;
}

/** Calls since the start. */
export interface CircuitTotals {
  readonly success: number;
  readonly failure: number;
  readonly ignored: number;
  readonly refused: number;
}

export interface CircuitSnapshot {
  readonly state: CircuitState;
  /** By the circuit's clock. */
  readonly sinceMs: number;
  readonly counts: CallCounts;
  readonly totals: CircuitTotals;
  /** 0: a call may be tried now. */
  readonly retryAfterMs: number;
  /** How often it has opened. */
  readonly opened: number;
  readonly probesUnderWay: number;
  readonly probesSucceeded: number;
  /** The last one that led here; undefined when it has always been closed. */
  readonly transition: Transition | undefined;
}

export interface Circuit {
  readonly name: string;
  readonly limits: CircuitLimits;
  readonly snapshot: CircuitSnapshot;
  /**
   * isPatient: how long the call takes is not up to the service. Then it is never slow, and a probe that has no outcome in
   * time gives its place to another one instead of having failed.
   */
  tryEnter(isPatient?: boolean): Pass | Refusal;
  /** For a call that would have to wait before it could enter: unless the circuit is closed, it is refused at once. */
  refuseWaiting(): Refusal | undefined;
}
