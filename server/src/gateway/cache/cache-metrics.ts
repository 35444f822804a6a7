/** What the cache tells of itself. */
import type { Meter } from "@opentelemetry/api";

/** How a request was answered: out of the cache, by the service, or by an older answer in its place. */
export type Outcome = "hit" | "miss" | "stale" | "bypass";

export interface CacheMetrics {
  answered(outcome: Outcome): void;
  notModified(): void;
  resized(byBytes: number): void;
  evicted(): void;
}

export function createCacheMetrics(meter: Meter): CacheMetrics {
  const requests = meter.createCounter("parley.cache.requests", {
    description: "Requests for answers that may be kept, by how they were answered",
    unit: "{request}",
  });
  const notModified = meter.createCounter("parley.cache.not_modified", {
    description: "Requests that were answered with 304",
    unit: "{request}",
  });
  const size = meter.createUpDownCounter("parley.cache.size", {
    description: "Memory taken by kept answers",
    unit: "By",
  });
  const evictions = meter.createCounter("parley.cache.evictions", {
    description: "Answers that had to make room for others",
    unit: "{entry}",
  });
  // Made once: this is called for every request.
  const attributes = Object.fromEntries(
    (["hit", "miss", "stale", "bypass"] as const).map((outcome) => [
      outcome,
      { "parley.cache.outcome": outcome },
    ]),
  ) as Record<Outcome, { "parley.cache.outcome": Outcome }>;
  return {
    answered: (outcome) => requests.add(1, attributes[outcome]),
    notModified: () => notModified.add(1),
    resized: (byBytes) => size.add(byBytes),
    evicted: () => evictions.add(1),
  };
}
