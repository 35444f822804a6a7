/** The limiter of a Parley with one pod. */
import { Bucket, takeOrHold, tell } from "#gateway/throttle/bucket.ts";
import { createBucketTable } from "#gateway/throttle/bucket-table.ts";
import type { Limiter, LimiterOptions } from "#gateway/throttle/limiter.ts";

export function createLocalLimiter({ name, limit, maxBuckets, nowMs }: LimiterOptions): Limiter {
  const table = createBucketTable(maxBuckets);
  return {
    name,
    limit,
    get bucketCount() {
      return table.size;
    },
    leaseCount: 0,
    take(key) {
      const now = nowMs();
      return takeOrHold(table.of(key, now), limit, now);
    },
    giveBack(key) {
      const bucket = table.get(key);
      if (bucket) bucket.fullAtMs -= limit.intervalMs;
    },
    left(key) {
      const bucket = table.get(key) ?? new Bucket();
      return tell(bucket, limit, bucket.fullAtMs, nowMs());
    },
  };
}
