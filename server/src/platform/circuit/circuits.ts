/** The circuits and bulkheads of a process: one circuit for each endpoint of each service, one bulkhead a service. */
import type { Meter } from "@opentelemetry/api";
import type { Circuit, CircuitLimits, Transition } from "#platform/circuit/circuit.ts";
import { createCircuit } from "#platform/circuit/circuit-breaker.ts";
import { observeCircuits } from "#platform/circuit/circuit-metrics.ts";
import type { CircuitAttributes, CircuitsView } from "#platform/circuit/circuits-view.ts";
import { type CircuitSettings, circuitLimits } from "#platform/circuit/config.ts";
import { createGate, type Gate } from "#platform/gate.ts";
import type { Log } from "#platform/log.ts";

export interface CircuitsOptions {
  settings: CircuitSettings;
  meter: Meter;
  log: Log;
  /** Monotonic milliseconds; a change of the time of day must not open or close anything. */
  now?: () => number;
  random?: () => number;
}

export interface Circuits extends CircuitsView {
  /** The same circuit for the same names. What differs from the settings is said when it is first asked for. */
  of(service: string, endpoint: string, adapt?: (limits: CircuitLimits) => CircuitLimits): Circuit;
  /** One for all endpoints of the service. */
  bulkheadOf(service: string): Gate;
  /** For endpoints that come and go. */
  forget(service: string, endpoint: string): void;
}

interface Entry extends CircuitAttributes {
  circuit: Circuit;
  transitions: Transition[];
}

const maxTransitions = 10;
const monotonic = () => performance.now();

export function createCircuits(options: CircuitsOptions): Circuits {
  const { settings, meter, log, now = monotonic, random = Math.random } = options;
  const limits = circuitLimits(settings);
  const entries = new Map<string, Entry>();
  const gates = new Map<string, Gate>();
  const counter = meter.createCounter("parley.circuit.transitions", {
    description: "Changes of a circuit's state",
    unit: "{transition}",
  });

  function add(name: string, { service, endpoint }: CircuitAttributes, own: CircuitLimits): Entry {
    const transitions: Transition[] = [];
    const onTransition = (transition: Transition) => {
      transitions.push(transition);
      if (transitions.length > maxTransitions) transitions.shift();
      const { from, to, reason } = transition;
      counter.add(1, { service, endpoint, from, to, reason });
      tell(log, { service, endpoint }, transition);
    };
    const circuit = createCircuit({ ...own, name, now, random, onTransition });
    const entry: Entry = { service, endpoint, circuit, transitions };
    entries.set(name, entry);
    return entry;
  }

  const circuits: Circuits = {
    of(service, endpoint, adapt) {
      const name = nameOf(service, endpoint);
      const known = entries.get(name);
      return (known ?? add(name, { service, endpoint }, adapt?.(limits) ?? limits)).circuit;
    },
    bulkheadOf(service) {
      const gate =
        gates.get(service) ??
        createGate({
          maxRunning: settings.PARLEY_BULKHEAD_MAX_CALLS,
          maxWaiting: settings.PARLEY_BULKHEAD_MAX_WAITING,
          maxWaitMs: settings.PARLEY_BULKHEAD_MAX_WAIT_MS,
        });
      gates.set(service, gate);
      return gate;
    },
    forget: (service, endpoint) => void entries.delete(nameOf(service, endpoint)),
    list: () =>
      [...entries.values()].map(({ service, endpoint, circuit, transitions }) => ({
        service,
        endpoint,
        // First: reading it may bring a transition.
        snapshot: circuit.snapshot,
        transitions: [...transitions],
      })),
    bulkheads: () =>
      [...gates].map(([service, gate]) => ({ service, maxCalls: settings.PARLEY_BULKHEAD_MAX_CALLS, gate })),
    nowMs: now,
  };
  observeCircuits(meter, circuits);
  return circuits;
}

const nameOf = (service: string, endpoint: string) => `${service} at ${endpoint}`;

function tell(log: Log, names: CircuitAttributes, { from, to, reason, failure, counts }: Transition) {
  const fields = { ...names, from, to, reason, ...(failure ? { failure } : {}), ...counts };
  if (to === "open") log.warn(fields, "a circuit opened");
  else log.info(fields, to === "closed" ? "a circuit closed" : "a circuit lets probes through");
}
