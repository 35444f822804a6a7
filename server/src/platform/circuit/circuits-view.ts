/** What can be seen of a process's circuits and bulkheads. */
import type { CircuitSnapshot, Transition } from "#platform/circuit/circuit.ts";
import type { Gate } from "#platform/gate.ts";

export interface CircuitAttributes {
  readonly service: string;
  readonly endpoint: string;
}

export interface CircuitStatus extends CircuitAttributes {
  readonly snapshot: CircuitSnapshot;
  /** The latest last; bounded. */
  readonly transitions: readonly Transition[];
}

export interface BulkheadStatus {
  readonly service: string;
  readonly maxCalls: number;
  readonly gate: Pick<Gate, "running" | "waiting" | "refused">;
}

export interface CircuitsView {
  list(): CircuitStatus[];
  bulkheads(): BulkheadStatus[];
  /** By the clock that the circuits' times are of. */
  nowMs(): number;
}
