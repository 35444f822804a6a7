import type { Clock } from "#platform/clock.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface SweepMetrics {
  swept(kind: "garbage" | "orphan", count: number): void;
  garbageWaiting(count: number): void;
  orphansSweptUntil(atMs: number): void;
  /** code: of the error registry; empty: it got through. */
  ended(code: string): void;
}

export function createSweepMetrics({ meter }: Telemetry, clock: Clock): SweepMetrics {
  let waiting: number | undefined;
  let sweptUntilMs: number | undefined;
  const swept = meter.createCounter("parley.blobs.swept", {
    unit: "{object}",
    description: "Objects deleted from the store: garbage, or orphans, which no row knew",
  });
  const runs = meter.createCounter("parley.blobs.sweeps", {
    unit: "{run}",
    description: "Runs of the sweep, by error",
  });
  meter
    .createObservableUpDownCounter("parley.blobs.garbage", {
      unit: "{object}",
      description: "Objects that nothing refers to any more and whose bytes are not deleted yet",
    })
    .addCallback((result) => {
      if (waiting !== undefined) result.observe(waiting);
    });
  meter
    .createObservableGauge("parley.blobs.orphans.age", {
      unit: "s",
      description: "How old what was put may be that was not yet looked through for what no row knows",
    })
    .addCallback((result) => {
      if (sweptUntilMs !== undefined) result.observe((clock.now() - sweptUntilMs) / 1_000);
    });
  return {
    swept: (kind, count) => swept.add(count, { "parley.kind": kind }),
    garbageWaiting(count) {
      waiting = count;
    },
    orphansSweptUntil(atMs) {
      sweptUntilMs = atMs;
    },
    ended: (code) => runs.add(1, code ? { "error.type": code } : {}),
  };
}
