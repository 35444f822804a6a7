/** What the limits did, as metrics. Read when somebody asks, so that a call pays for no more than a count. */
import type { BatchObservableResult, Meter } from "@opentelemetry/api";
import type { CountedLimiter } from "#gateway/throttle/counted-limiter.ts";
import type { SharedBuckets } from "#gateway/throttle/shared-buckets.ts";

export interface SharedState {
  readonly buckets: SharedBuckets;
  /** How often Redis was given up for a while. */
  readonly fallbacks: number;
}

/** The returned function ends it. */
export function observeThrottle(
  meter: Meter,
  limiters: readonly CountedLimiter[],
  shared: SharedState | undefined,
): () => void {
  const calls = meter.createObservableCounter("parley.throttle.calls", {
    description: "Calls that a rate limit let through or refused",
    unit: "{call}",
  });
  const buckets = meter.createObservableGauge("parley.throttle.buckets", {
    description: "Users or addresses that a rate limit keeps in mind",
    unit: "{bucket}",
  });
  const leases = meter.createObservableCounter("parley.throttle.leases", {
    description: "Questions to Redis for tokens",
    unit: "{lease}",
  });
  const fallbacks = meter.createObservableCounter("parley.throttle.fallbacks", {
    description: "How often Redis went away and this pod enforced the limits by itself",
    unit: "{fallback}",
  });
  const instruments = [calls, buckets, leases, fallbacks];
  const observe = (result: BatchObservableResult) => {
    for (const { limiter, scope, allowed, refused } of limiters) {
      const attributes = { "parley.throttle.class": limiter.name, "parley.throttle.scope": scope };
      result.observe(calls, allowed, { ...attributes, "parley.throttle.outcome": "allowed" });
      result.observe(calls, refused, { ...attributes, "parley.throttle.outcome": "refused" });
      result.observe(buckets, limiter.bucketCount, attributes);
      if (shared) result.observe(leases, limiter.leaseCount, attributes);
    }
    if (shared) result.observe(fallbacks, shared.fallbacks);
  };
  meter.addBatchObservableCallback(observe, instruments);
  return () => meter.removeBatchObservableCallback(observe, instruments);
}
