/**
 * The limiter of many pods, whose buckets are in Redis. Yet most calls ask nobody: a pod takes a few tokens ahead for a
 * busy user (a lease) and spends them here. What it does not spend within a second lapses. So over all pods no more pass
 * than the limit and what their leases can hold.
 */
import { Bucket, hold, minHoldMs, note, takeOrHold, tell } from "#gateway/throttle/bucket.ts";
import { createBucketTable } from "#gateway/throttle/bucket-table.ts";
import type { Limiter, LimiterOptions } from "#gateway/throttle/limiter.ts";
import type { RateLimit } from "#gateway/throttle/rate-limit.ts";
import type { SharedBuckets } from "#gateway/throttle/shared-buckets.ts";

const leaseMs = 1_000;
/** Of the burst: the most that a pod holds for one user. */
const leasePart = 8;
const maxWaiting = 1_000;

export const maxLease = ({ burst }: RateLimit) => Math.floor(burst / leasePart);

export function createSharedLimiter(options: LimiterOptions & { shared: SharedBuckets }): Limiter {
  const { name, limit, shared, nowMs } = options;
  const table = createBucketTable(options.maxBuckets);
  const most = maxLease(limit);
  const keyOf = (key: string) => `${name}:${key}`;
  let leases = 0;

  function takeLeased(key: string, bucket: Bucket, now: number): 0 {
    bucket.leased -= 1;
    bucket.spent += 1;
    note(bucket, limit, now);
    // Asked for before it is needed: who is busy all the time never waits.
    if (bucket.leased < bucket.leaseSize / 2 && !bucket.isAsking && shared.isUsable())
      void renew(key, bucket);
    return 0;
  }

  async function renew(key: string, bucket: Bucket) {
    const now = nowMs();
    growOrShrink(bucket, most, now);
    const wanted = bucket.waiting.length + Math.max(0, bucket.leaseSize - bucket.leased);
    bucket.isAsking = true;
    leases += 1;
    const grant = await shared.take(keyOf(key), limit, Math.max(1, wanted));
    bucket.isAsking = false;
    const answeredAt = nowMs();
    if (!grant) return answerWithout(bucket, answeredAt);
    bucket.sharedFullAtMs = answeredAt + grant.fillMs;
    bucket.leased += grant.granted;
    bucket.leaseEndsAtMs = answeredAt + leaseMs;
    answerWaiting(key, bucket, answeredAt);
  }

  function answerWaiting(key: string, bucket: Bucket, now: number) {
    const waiting = bucket.waiting.splice(0);
    const served = waiting.splice(0, bucket.leased);
    for (const settle of served) settle(takeLeased(key, bucket, now));
    if (waiting.length === 0) return;
    const waitMs = bucket.sharedFullAtMs + limit.intervalMs - now - limit.burst * limit.intervalMs;
    // Some came while it was being asked for, so there may be more: those who still wait ask again.
    if (waitMs <= 0) {
      bucket.waiting.unshift(...waiting);
      if (!bucket.isAsking) void renew(key, bucket);
      return;
    }
    for (const settle of waiting) settle(hold(bucket, waitMs, now));
  }

  function answerWithout(bucket: Bucket, now: number) {
    for (const settle of bucket.waiting.splice(0)) settle(takeOrHold(bucket, limit, now));
  }

  function wait(key: string, bucket: Bucket): number | Promise<number> {
    if (bucket.waiting.length >= maxWaiting) return hold(bucket, minHoldMs, nowMs());
    return new Promise((settle) => {
      bucket.waiting.push(settle);
      // All that this turn of the event loop brings are asked for together.
      if (bucket.isAsking || bucket.waiting.length > 1) return;
      queueMicrotask(() => void (bucket.isAsking || renew(key, bucket)));
    });
  }

  return {
    name,
    limit,
    get bucketCount() {
      return table.size;
    },
    get leaseCount() {
      return leases;
    },
    take(key) {
      const now = nowMs();
      const bucket = table.of(key, now);
      if (now < bucket.heldUntilMs) return bucket.heldUntilMs - now;
      if (bucket.waiting.length > 0) return wait(key, bucket);
      if (now >= bucket.leaseEndsAtMs) bucket.leased = 0;
      if (bucket.leased > 0) return takeLeased(key, bucket, now);
      return shared.isUsable() ? wait(key, bucket) : takeOrHold(bucket, limit, now);
    },
    giveBack(key) {
      const bucket = table.get(key);
      if (bucket) bucket.fullAtMs -= limit.intervalMs;
      void shared.take(keyOf(key), limit, -1);
    },
    left(key) {
      const now = nowMs();
      const bucket = table.get(key) ?? new Bucket();
      // Without Redis the shared bucket is the one known here.
      return tell(bucket, limit, shared.isUsable() ? bucket.sharedFullAtMs : bucket.fullAtMs, now);
    },
  };
}

/** Who is busy gets larger leases; who lets them lapse gets none larger than what he needed. */
function growOrShrink(bucket: Bucket, most: number, now: number) {
  const wasBusy = now < bucket.leaseEndsAtMs;
  if (!wasBusy) bucket.leased = 0;
  bucket.leaseSize = Math.min(most, wasBusy ? Math.max(1, bucket.leaseSize * 2) : bucket.spent - 1);
  bucket.leaseSize = Math.max(0, bucket.leaseSize);
  bucket.spent = 0;
}
