/** One limit, for all users or addresses that it counts. */
import type { RateLimit } from "#gateway/throttle/rate-limit.ts";

export interface Limiter {
  readonly name: string;
  readonly limit: RateLimit;
  readonly bucketCount: number;
  /** How often shared buckets were asked. */
  readonly leaseCount: number;
  /**
   * Takes one. 0: it may pass; above: it may not, and for so many milliseconds no other will. Answers at once when it
   * can; else those of one key are answered in the order in which they asked.
   */
  take(key: string): number | Promise<number>;
  /** Gives back one that was taken and turned out not to count. */
  giveBack(key: string): void;
  /** How many are left, and for how long the bucket will not be full. Of shared ones as far as is known. */
  left(key: string): { count: number; fillMs: number };
}

export interface LimiterOptions {
  name: string;
  limit: RateLimit;
  maxBuckets: number;
  /** By any clock that only goes forward. */
  nowMs: () => number;
}
