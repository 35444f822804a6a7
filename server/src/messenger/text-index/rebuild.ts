/** Indexes all messages anew, whatever their entries are, while the system is in use. */
import { setTimeout as delay } from "node:timers/promises";
import { countMessages, reindexLockId } from "#messenger/store-text-index.ts";
import { type IndexMetrics, noIndexMetrics } from "#messenger/text-index/index-metrics.ts";
import { mergePending } from "#messenger/text-index/keep-merged.ts";
import { type IndexedPage, reindex } from "#messenger/text-index/reindex.ts";
import { createTextIndex } from "#messenger/text-index/text-index.ts";
import type { Database } from "#platform/database.ts";
import { exclusively } from "#platform/exclusively.ts";
import { createLogInterval } from "#platform/log-interval.ts";

export interface RebuildProgress {
  /** Of `total` messages, which others may join meanwhile. */
  seen: number;
  total: number;
  /** Had another entry, or none. */
  changed: number;
  /** The database takes none of their words. */
  refused: number;
  /** For another process that indexes messages. */
  isWaiting: boolean;
}

export interface RebuildOptions {
  database: Database;
  signal: AbortSignal;
  onProgress(progress: RebuildProgress): void;
  metrics?: IndexMetrics;
}

const askAgainMs = 1_000;
const mergeEveryMs = 1_000;
const longestPauseMs = 1_000;

/** Half of the time, it pauses for others to get on. */
export async function rebuildTextIndex(options: RebuildOptions): Promise<"done" | "stopped"> {
  const { database, signal, onProgress } = options;
  const progress = { seen: 0, total: 0, changed: 0, refused: 0, isWaiting: false };
  while (!signal.aborted) {
    const hadTurn = await exclusively(database, reindexLockId, () => rebuild(options, progress));
    if (hadTurn) break;
    onProgress({ ...progress, isWaiting: true });
    await pause(askAgainMs, signal);
  }
  return signal.aborted ? "stopped" : "done";
}

async function rebuild(options: RebuildOptions, progress: RebuildProgress): Promise<void> {
  const { database, signal, onProgress, metrics = noIndexMetrics } = options;
  progress.total = await countMessages(database);
  const isTimeToMerge = createLogInterval(mergeEveryMs);
  const onPage = async (page: IndexedPage) => {
    progress.seen += page.messages;
    progress.changed += page.changed;
    progress.refused += page.refused;
    onProgress({ ...progress });
    if (page.changed > 0 && isTimeToMerge()) await mergePending(database, metrics, signal);
    await pause(Math.min(page.tookMs, longestPauseMs), signal);
  };
  // With a memory of its own, that knows no word: those that the vocabulary lacks are added.
  const textIndex = createTextIndex({ isOn: true });
  await reindex({ database, textIndex, which: "all", signal, onPage });
}

const pause = (ms: number, signal: AbortSignal) => delay(ms, undefined, { signal }).catch(() => {});
