/** The answers kept in this process: what was used the longest time ago goes first. */
import type { CacheMetrics } from "#gateway/cache/cache-metrics.ts";
import type { Entry } from "#gateway/cache/entry.ts";

export interface MemoryTier {
  get(key: string): Entry | undefined;
  set(key: string, entry: Entry): void;
  delete(key: string): void;
  readonly bytes: number;
}

/** What an entry takes besides its body: objects, stamps, tags, headers. */
const overheadBytes = 1_024;

export function createMemoryTier(maxBytes: number, metrics: CacheMetrics): MemoryTier {
  // A Map iterates in the order of insertion.
  const entries = new Map<string, Entry>();
  let bytes = 0;
  const sizeOf = (key: string, entry: Entry) => entry.body.length + 2 * key.length + overheadBytes;
  const remove = (key: string) => {
    const entry = entries.get(key);
    if (!entry) return;
    entries.delete(key);
    resize(-sizeOf(key, entry));
  };
  const resize = (by: number) => {
    bytes += by;
    metrics.resized(by);
  };
  return {
    get(key) {
      const entry = entries.get(key);
      if (!entry) return undefined;
      entries.delete(key);
      entries.set(key, entry);
      return entry;
    },
    set(key, entry) {
      remove(key);
      entries.set(key, entry);
      resize(sizeOf(key, entry));
      for (const oldest of entries.keys()) {
        if (bytes <= maxBytes) break;
        remove(oldest);
        metrics.evicted();
      }
    },
    delete: remove,
    get bytes() {
      return bytes;
    },
  };
}
