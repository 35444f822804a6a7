/**
 * Work on many things at once, in batches of what has gathered while the previous ones were under way: no timer, so no
 * wait when idle, and batches grow with the load.
 */
import { fault } from "#platform/errors.ts";
import { runInTrace } from "#platform/telemetry/active-trace.ts";

export interface GatheredOptions<Item, Result> {
  /** One result per item, in their order. */
  run(items: Item[]): Promise<Result[]>;
  maxBatch: number;
  maxInFlight: number;
  maxWaiting: number;
  /** Of a batch together; one item that is larger goes by itself. */
  maxBytes?: number;
  bytesOf?(item: Item): number;
}

/** Rejects with "overloaded" when too many wait, and with what run() rejected with. */
export type Gathered<Item, Result> = (item: Item) => Promise<Result>;

interface Waiting<Item, Result> {
  item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

export function createGathered<Item, Result>(options: GatheredOptions<Item, Result>): Gathered<Item, Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let inFlight = 0;
  let isWakeScheduled = false;

  async function runBatch(batch: Waiting<Item, Result>[]) {
    inFlight += 1;
    try {
      // Whose turn it is to run a batch is chance: the batch is not part of that trace.
      const results = await runInTrace(undefined, () => options.run(batch.map(({ item }) => item)));
      for (const [index, { resolve }] of batch.entries()) resolve(results[index]!);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    inFlight -= 1;
    wake();
  }

  function start() {
    isWakeScheduled = false;
    while (inFlight < options.maxInFlight && waiting.length > 0) {
      const size = batchSize();
      const batch = waiting.slice(0, size);
      waiting = waiting.slice(size);
      void runBatch(batch);
    }
  }

  function batchSize(): number {
    const { maxBatch, maxBytes = Number.POSITIVE_INFINITY, bytesOf = () => 0 } = options;
    let size = 0;
    for (let bytes = 0; size < Math.min(maxBatch, waiting.length); size++) {
      bytes += bytesOf(waiting[size]!.item);
      if (size > 0 && bytes > maxBytes) break;
    }
    return size;
  }

  /** Not at once: the caller may be about to bring more. */
  function wake() {
    if (isWakeScheduled || waiting.length === 0) return;
    isWakeScheduled = true;
    queueMicrotask(start);
  }

  return (item) => {
    if (waiting.length >= options.maxWaiting) return Promise.reject(fault("overloaded"));
    return new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      wake();
    });
  };
}
