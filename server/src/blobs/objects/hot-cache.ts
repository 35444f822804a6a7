/** Small objects that are read, in memory: they never change, so what is kept is right as long as it is kept. */

export interface HotCache {
  /** Whether an object of this size may be kept. */
  takes(size: number): boolean;
  get(id: string): Uint8Array | undefined;
  set(id: string, bytes: Uint8Array): void;
  readonly bytes: number;
}

/** An object may take this part of the cache, and no more than so many bytes. */
const largestShare = 1 / 16;
const largestBytes = 1_048_576;
/** What an entry takes besides its bytes. */
const overheadBytes = 256;

export function createHotCache(maxBytes: number): HotCache {
  const largest = Math.min(largestBytes, Math.floor(maxBytes * largestShare));
  // A Map iterates in the order of insertion: the first key is the one used the longest time ago.
  const entries = new Map<string, Uint8Array>();
  let total = 0;
  const costOf = (bytes: Uint8Array) => bytes.byteLength + overheadBytes;

  function evict() {
    for (const [id, bytes] of entries) {
      if (total <= maxBytes) return;
      entries.delete(id);
      total -= costOf(bytes);
    }
  }

  return {
    takes: (size) => size + overheadBytes <= largest,
    get(id) {
      const bytes = entries.get(id);
      if (!bytes) return undefined;
      entries.delete(id);
      entries.set(id, bytes);
      return bytes;
    },
    set(id, bytes) {
      if (entries.has(id)) return;
      entries.set(id, bytes);
      total += costOf(bytes);
      evict();
    },
    get bytes() {
      return total;
    },
  };
}
