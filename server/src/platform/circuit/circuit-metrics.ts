/** Circuits and bulkheads as metrics. They are read when somebody collects, so that a call costs nothing more. */
import type { Meter } from "@opentelemetry/api";
import type { CircuitState } from "#platform/circuit/circuit.ts";
import type { CircuitsView } from "#platform/circuit/circuits-view.ts";

const states: readonly CircuitState[] = ["closed", "open", "half-open"];

export function observeCircuits(meter: Meter, circuits: CircuitsView): void {
  const state = meter.createObservableUpDownCounter("parley.circuit.state", {
    description: "1 for the state that a circuit is in, 0 for the others",
    unit: "{circuit}",
  });
  const calls = meter.createObservableCounter("parley.circuit.calls", {
    description:
      "Calls to services by their outcome: success, failure, ignored, or refused by an open circuit",
    unit: "{call}",
  });
  const held = meter.createObservableUpDownCounter("parley.bulkhead.calls", {
    description: "Calls to a service that are under way, or wait for their turn",
    unit: "{call}",
  });
  const refused = meter.createObservableCounter("parley.bulkhead.refusals", {
    description: "Calls refused because too many were under way and waiting, or the wait was too long",
    unit: "{call}",
  });
  meter.addBatchObservableCallback(
    (result) => {
      for (const { service, endpoint, snapshot } of circuits.list()) {
        for (const one of states) {
          result.observe(state, snapshot.state === one ? 1 : 0, { service, endpoint, state: one });
        }
        for (const [outcome, count] of Object.entries(snapshot.totals)) {
          result.observe(calls, count, { service, endpoint, outcome });
        }
      }
      for (const { service, gate } of circuits.bulkheads()) {
        result.observe(held, gate.running, { service, state: "running" });
        result.observe(held, gate.waiting, { service, state: "waiting" });
        result.observe(refused, gate.refused, { service });
      }
    },
    [state, calls, held, refused],
  );
}
