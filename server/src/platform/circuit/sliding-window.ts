/** Counts of the calls that ended within the last `windowMs`, in buckets: what is older is forgotten as time passes. */
export interface CallCounts {
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
}

interface Bucket {
  calls: number;
  failures: number;
  slow: number;
}

export const windowBuckets = 10;

export class SlidingWindow {
  readonly #bucketMs: number;
  readonly #buckets: Bucket[] = Array.from({ length: windowBuckets }, emptyBucket);
  #total: Bucket = emptyBucket();
  /** Number of the newest bucket, counted from time 0. */
  #newest = 0;

  constructor(windowMs: number) {
    this.#bucketMs = windowMs / windowBuckets;
  }

  /** The counts with this call in them. Good until the next call of a method. */
  record(nowMs: number, isFailure: boolean, isSlow: boolean): CallCounts {
    this.#forget(nowMs);
    count(this.#buckets[this.#newest % windowBuckets]!, isFailure, isSlow);
    count(this.#total, isFailure, isSlow);
    return this.#total;
  }

  counts(nowMs: number): CallCounts {
    this.#forget(nowMs);
    return { ...this.#total };
  }

  clear(): void {
    for (const bucket of this.#buckets) Object.assign(bucket, emptyBucket());
    this.#total = emptyBucket();
  }

  #forget(nowMs: number) {
    const newest = Math.floor(nowMs / this.#bucketMs);
    const passed = newest - this.#newest;
    if (passed <= 0) return;
    for (let number = newest; number > newest - Math.min(passed, windowBuckets); number--) {
      const bucket = this.#buckets[number % windowBuckets]!;
      this.#total.calls -= bucket.calls;
      this.#total.failures -= bucket.failures;
      this.#total.slow -= bucket.slow;
      Object.assign(bucket, emptyBucket());
    }
    this.#newest = newest;
  }
}

function emptyBucket(): Bucket {
  return { calls: 0, failures: 0, slow: 0 };
}

function count(bucket: Bucket, isFailure: boolean, isSlow: boolean) {
  bucket.calls += 1;
  if (isFailure) bucket.failures += 1;
  if (isSlow) bucket.slow += 1;
}
