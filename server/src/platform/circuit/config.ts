import type { CircuitLimits } from "#platform/circuit/circuit.ts";
import { integer, oneOf, type Values } from "#platform/settings.ts";

const percent = { min: 1, max: 100 };

export const circuitSettings = {
  PARLEY_CIRCUITS: oneOf("whether calls to a failing service are refused at once", ["on", "off"], "on"),
  PARLEY_CIRCUIT_WINDOW_MS: integer("how far back a circuit counts calls", 10_000, {
    min: 100,
    max: 3_600_000,
  }),
  PARLEY_CIRCUIT_MIN_CALLS: integer("calls in the window below which a circuit does not open", 20, {
    min: 1,
    max: 1_000_000,
  }),
  PARLEY_CIRCUIT_FAILURE_PERCENT: integer("share of failed calls that opens a circuit", 50, percent),
  PARLEY_CIRCUIT_SLOW_MS: integer("a call that takes so long is slow; 0: none is", 5_000, {
    min: 0,
    max: 600_000,
  }),
  PARLEY_CIRCUIT_SLOW_PERCENT: integer("share of slow calls that opens a circuit", 80, percent),
  PARLEY_CIRCUIT_OPEN_MS: integer("how long a circuit stays open at first; doubles while in vain", 1_000, {
    min: 10,
    max: 3_600_000,
  }),
  PARLEY_CIRCUIT_OPEN_MAX_MS: integer("how long a circuit stays open at the most", 30_000, {
    min: 10,
    max: 3_600_000,
  }),
  PARLEY_CIRCUIT_PROBES: integer("calls that must succeed before an open circuit closes", 3, {
    min: 1,
    max: 1_000,
  }),
  PARLEY_BULKHEAD_MAX_CALLS: integer("calls to one service under way at once; more wait", 512, {
    min: 1,
    max: 1_000_000,
  }),
  PARLEY_BULKHEAD_MAX_WAITING: integer("calls to one service that may wait for their turn", 2_048, {
    min: 0,
    max: 1_000_000,
  }),
  PARLEY_BULKHEAD_MAX_WAIT_MS: integer("how long a call may wait for its turn", 1_000, {
    min: 0,
    max: 600_000,
  }),
};

export type CircuitSettings = Values<typeof circuitSettings>;

export function circuitLimits(settings: CircuitSettings): CircuitLimits {
  const slowMs = settings.PARLEY_CIRCUIT_SLOW_MS;
  return {
    windowMs: settings.PARLEY_CIRCUIT_WINDOW_MS,
    minCalls:
      settings.PARLEY_CIRCUITS === "off" ? Number.POSITIVE_INFINITY : settings.PARLEY_CIRCUIT_MIN_CALLS,
    failurePercent: settings.PARLEY_CIRCUIT_FAILURE_PERCENT,
    slowMs,
    slowPercent: settings.PARLEY_CIRCUIT_SLOW_PERCENT,
    openMs: settings.PARLEY_CIRCUIT_OPEN_MS,
    openMaxMs: settings.PARLEY_CIRCUIT_OPEN_MAX_MS,
    probes: settings.PARLEY_CIRCUIT_PROBES,
    // A slow probe has failed anyway.
    probeTimeoutMs: slowMs > 0 ? slowMs : defaultProbeTimeoutMs,
  };
}

const defaultProbeTimeoutMs = 10_000;
