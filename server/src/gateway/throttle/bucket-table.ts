/** The buckets of one limit by user or address, of which it keeps only so many in mind. */
import { Bucket } from "#gateway/throttle/bucket.ts";

export interface BucketTable {
  readonly size: number;
  get(key: string): Bucket | undefined;
  /** Made, full, when it is not known. */
  of(key: string, nowMs: number): Bucket;
}

/** How many are looked at to make room for one: full ones go, and else the one that will be full first. */
const looks = 8;

export function createBucketTable(maxBuckets: number): BucketTable {
  // Iterates in the order of insertion. Who is looked at goes to the end, so that all come round.
  const buckets = new Map<string, Bucket>();

  function makeRoom(nowMs: number) {
    let first: string | undefined;
    let firstFullAtMs = Number.POSITIVE_INFINITY;
    for (const [key, bucket] of oldest(buckets)) {
      buckets.delete(key);
      if (bucket.isFull(nowMs)) continue;
      buckets.set(key, bucket);
      const fullAtMs = Math.max(bucket.fullAtMs, bucket.sharedFullAtMs);
      if (fullAtMs >= firstFullAtMs) continue;
      first = key;
      firstFullAtMs = fullAtMs;
    }
    if (buckets.size >= maxBuckets && first !== undefined) buckets.delete(first);
  }

  return {
    get size() {
      return buckets.size;
    },
    get: (key) => buckets.get(key),
    of(key, nowMs) {
      const known = buckets.get(key);
      if (known) return known;
      if (buckets.size >= maxBuckets) makeRoom(nowMs);
      const bucket = new Bucket();
      buckets.set(key, bucket);
      return bucket;
    },
  };
}

function oldest(buckets: Map<string, Bucket>): [string, Bucket][] {
  const entries: [string, Bucket][] = [];
  for (const entry of buckets) {
    entries.push(entry);
    if (entries.length === looks) break;
  }
  return entries;
}
