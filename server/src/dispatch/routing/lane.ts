/** The way to one provider from this process: so many requests at once, and none while its circuit is open. */
import type { Provider } from "#dispatch/providers/catalogue.ts";
import { isBusy, isDown, type Obstacle } from "#dispatch/routing/obstacles.ts";
import type { CircuitLimits, Pass } from "#platform/circuit/circuit.ts";
import type { Circuits } from "#platform/circuit/circuits.ts";
import { createGate, type Gate } from "#platform/gate.ts";

export interface Lane {
  readonly provider: Provider;
  readonly gate: Pick<Gate, "running" | "waiting">;
  /** Waits for a place, maxQueueMs at the most. Rejects with the signal's reason. Whoever is let in must call leave() once. */
  enter(signal: AbortSignal | undefined): Promise<Obstacle | undefined>;
  leave(): void;
  /** For one request; whoever gets a pass must settle it. */
  pass(): Pass | Obstacle;
}

export const isPass = (one: Pass | Obstacle): one is Pass => "isAdmitted" in one;

const maxWaitingPerPlace = 100;

export function createLane(provider: Provider, circuits: Circuits): Lane {
  const circuit = circuits.of("provider", provider.id, (limits) => limitsFor(provider, limits));
  const { concurrency, maxQueueMs } = provider;
  const gate = createGate({
    maxRunning: concurrency,
    maxWaiting: concurrency * maxWaitingPerPlace,
    maxWaitMs: maxQueueMs,
  });
  return {
    provider,
    gate,
    async enter(signal) {
      if (gate.tryEnter()) return undefined;
      const refusal = circuit.refuseWaiting();
      if (refusal) return isDown(provider, refusal.retryAfterMs);
      if (maxQueueMs === 0) return isBusy(provider);
      try {
        await gate.enter(signal);
        return undefined;
      } catch {
        signal?.throwIfAborted();
        return isBusy(provider);
      }
    },
    leave: () => gate.leave(),
    pass() {
      const entry = circuit.tryEnter();
      return entry.isAdmitted ? entry : isDown(provider, entry.retryAfterMs);
    },
  };
}

const enoughCalls = 5;

/**
 * A provider is slow by nature, which says nothing; one that hangs is found after a few of its timeouts, also where
 * requests are rare; and there is another provider to go to, so it need not be given much patience.
 */
function limitsFor({ timeoutMs }: Provider, limits: CircuitLimits): CircuitLimits {
  return {
    ...limits,
    windowMs: Math.max(limits.windowMs, enoughCalls * timeoutMs),
    // Infinity: circuits are off.
    minCalls:
      limits.minCalls === Number.POSITIVE_INFINITY ? limits.minCalls : Math.min(limits.minCalls, enoughCalls),
    slowMs: 0,
    probes: 1,
    probeTimeoutMs: 2 * timeoutMs,
  };
}
