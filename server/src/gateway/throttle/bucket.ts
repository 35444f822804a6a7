/**
 * What one user or address has left of one limit. The arithmetic is that of a token bucket, kept as the one moment at
 * which it will be full again (the generic cell rate algorithm): nothing has to be filled up as time passes.
 */
import type { RateLimit } from "#gateway/throttle/rate-limit.ts";

/** Zero or less: it may pass. Above: after so many milliseconds it may. */
export type Settle = (retryAfterMs: number) => void;

export class Bucket {
  /** By what this process has let through. In the past: full. */
  fullAtMs = 0;
  /** Until then all are refused. */
  heldUntilMs = 0;
  /** Tokens taken out of the bucket that all pods share, to be spent here, until when. */
  leased = 0;
  leaseEndsAtMs = 0;
  /** How many to hold at most, and how many were spent since the last were got. */
  leaseSize = 0;
  spent = 0;
  /** When the shared bucket will be full, as far as is known. */
  sharedFullAtMs = 0;
  isAsking = false;
  /** Those who wait for the answer, in their order. */
  waiting: Settle[] = [];

  /** A bucket that says nothing: a new one would be the same. */
  isFull(nowMs: number): boolean {
    return (
      this.fullAtMs <= nowMs &&
      this.sharedFullAtMs <= nowMs &&
      this.heldUntilMs <= nowMs &&
      this.leaseEndsAtMs <= nowMs &&
      !this.isAsking
    );
  }
}

/** Times are sums of fractions; a millionth of a millisecond is not worth a refusal. */
const roundingMs = 1e-6;

/** Takes one out of the bucket as this process knows it. 0: taken; else, when one can be had. */
function takeOne(bucket: Bucket, { burst, intervalMs }: RateLimit, nowMs: number): number {
  const fullAtMs = Math.max(bucket.fullAtMs, nowMs) + intervalMs;
  const waitMs = fullAtMs - nowMs - burst * intervalMs;
  if (waitMs > roundingMs) return waitMs;
  bucket.fullAtMs = fullAtMs;
  return 0;
}

/** Notes what another bucket, the shared one, has let through. */
export function note(bucket: Bucket, { intervalMs }: RateLimit, nowMs: number): void {
  bucket.fullAtMs = Math.max(bucket.fullAtMs, nowMs) + intervalMs;
}

/** How many are left in a bucket that will be full at that time. */
function leftOf({ burst, intervalMs }: RateLimit, fullAtMs: number, nowMs: number): number {
  const missing = Math.max(0, fullAtMs - nowMs) / intervalMs;
  return Math.max(0, Math.floor(burst - missing + roundingMs));
}

/**
 * A refusal holds at least for so long. Otherwise, of messages sent in a row, a later one could pass before the sender
 * has heard that an earlier one was refused. What the bucket gains meanwhile is not lost.
 */
export const minHoldMs = 1_000;

/** Refuses this one and those that follow; how long for. */
export function hold(bucket: Bucket, waitMs: number, nowMs: number): number {
  const holdMs = Math.max(waitMs, minHoldMs);
  bucket.heldUntilMs = nowMs + holdMs;
  return holdMs;
}

/** Takes one out of the bucket as this process knows it, or holds it. 0: taken; else, how long it is held. */
export function takeOrHold(bucket: Bucket, limit: RateLimit, nowMs: number): number {
  if (nowMs < bucket.heldUntilMs) return bucket.heldUntilMs - nowMs;
  const waitMs = takeOne(bucket, limit, nowMs);
  return waitMs === 0 ? 0 : hold(bucket, waitMs, nowMs);
}

/** What is left for a caller, of a bucket that will be full at that time and of what is leased out of it. */
export function tell(bucket: Bucket, limit: RateLimit, fullAtMs: number, nowMs: number) {
  const leased = nowMs < bucket.leaseEndsAtMs ? bucket.leased : 0;
  const isHeld = nowMs < bucket.heldUntilMs;
  const count = isHeld ? 0 : Math.min(limit.burst, leftOf(limit, fullAtMs, nowMs) + leased);
  return { count, fillMs: Math.max(0, fullAtMs - nowMs) };
}
