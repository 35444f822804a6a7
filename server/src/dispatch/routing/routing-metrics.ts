/** How requests fare at the providers. */
import type { Lane } from "#dispatch/routing/lane.ts";
import type { SendOutcome } from "#dispatch/sending/sender.ts";
import type { ErrorCode } from "#platform/errors.ts";
import { durationBounds } from "#platform/telemetry/duration-histogram.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface RoutingMetrics {
  sent(providerId: string, outcome: SendOutcome["kind"]): void;
  refused(providerId: string): void;
  spent(providerId: string, amountMicros: number): void;
  /** No provider took it. */
  untaken(code: ErrorCode): void;
  /** Of one that was served: its time in dispatch without that at the providers. */
  overhead(durationMs: number): void;
  observeLanes(lanes: Iterable<Lane>): void;
}

export function createRoutingMetrics(telemetry: Telemetry): RoutingMetrics {
  const { meter } = telemetry;
  const requests = new Map<string, { provider: string; outcome: string; count: number }>();
  const count = (provider: string, outcome: string) => {
    const key = `${provider} ${outcome}`;
    const known = requests.get(key);
    if (known) known.count += 1;
    else requests.set(key, { provider, outcome, count: 1 });
  };
  meter
    .createObservableCounter("parley.dispatch.requests", {
      unit: "{request}",
      description: "Requests to providers by their outcome; those that none took by the code of the error",
    })
    .addCallback((result) => {
      for (const { provider, outcome, count } of requests.values())
        result.observe(count, { provider, outcome });
    });
  const refusals = meter.createCounter("parley.dispatch.refusals", {
    unit: "{request}",
    description: "Requests that a provider refused for its quota (429)",
  });
  const spend = meter.createCounter("parley.dispatch.spend", {
    unit: "{micro}",
    description: "What was spent, in millionths of the currency",
  });
  const overhead = telemetry
    .histogram("parley.dispatch.overhead", {
      unit: "s",
      description: "Time that served requests spent in dispatch, without that at the providers",
      bounds: [0.000_25, 0.000_5, ...durationBounds],
    })
    .series({});
  return {
    sent: count,
    refused: (provider) => refusals.add(1, { provider }),
    spent: (provider, amountMicros) => spend.add(amountMicros, { provider }),
    untaken: (code) => count("none", code),
    overhead: (durationMs) => overhead.record(durationMs / 1_000),
    observeLanes(lanes) {
      meter
        .createObservableUpDownCounter("parley.dispatch.waiting", {
          unit: "{request}",
          description: "Requests that wait for a place at a provider",
        })
        .addCallback((result) => {
          for (const { provider, gate } of lanes) result.observe(gate.waiting, { provider: provider.id });
        });
    },
  };
}
