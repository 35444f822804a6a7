/** How far the object store is behind. */
import type { Backlog } from "#blobs/store-spool.ts";
import { toPublicError } from "#platform/errors.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface SpoolMetrics {
  /** As the database has it. */
  backlog(backlog: Backlog): void;
  /** An object was brought to the store, or was to be. */
  brought(outcome: "stored" | "garbage" | "lost"): void;
  failed(error: unknown): void;
}

export function createSpoolMetrics({ meter }: Telemetry): SpoolMetrics {
  let latest: Backlog | undefined;
  const gauge = (name: string, unit: string, description: string, read: (backlog: Backlog) => number) =>
    meter.createObservableGauge(name, { unit, description }).addCallback((result) => {
      if (latest) result.observe(read(latest));
    });
  gauge(
    "parley.blobs.spool.objects",
    "{object}",
    "Objects on this pod's disk that the object store lacks",
    (b) => b.objects,
  );
  gauge(
    "parley.blobs.spool.size",
    "By",
    "Bytes on this pod's disk that the object store lacks",
    (b) => b.bytes,
  );
  gauge(
    "parley.blobs.spool.oldest.age",
    "s",
    "How long the oldest of them has waited",
    (b) => b.oldestAgeS ?? 0,
  );
  const uploads = meter.createCounter("parley.blobs.spool.uploads", {
    unit: "{object}",
    description:
      "Objects to be brought to the store by outcome: stored, garbage, lost, or the code of an error",
  });
  return {
    backlog(backlog) {
      latest = backlog;
    },
    brought: (outcome) => uploads.add(1, { outcome }),
    failed: (error) => uploads.add(1, { outcome: toPublicError(error).code }),
  };
}
