/**
 * Indexes in the background what was stored without words: before there was an index, by servers of before, while it
 * was switched off. A part of the time only, so that sends hardly notice, and by one process at a time.
 */
import { setTimeout as delay } from "node:timers/promises";
import { countTextsNotIndexed, reindexLockId } from "#messenger/store-text-index.ts";
import type { IndexMetrics } from "#messenger/text-index/index-metrics.ts";
import { type IndexedPage, reindex } from "#messenger/text-index/reindex.ts";
import type { TextIndex } from "#messenger/text-index/text-index.ts";
import type { Database } from "#platform/database.ts";
import { exclusively } from "#platform/exclusively.ts";
import type { Log } from "#platform/log.ts";
import { createLogInterval } from "#platform/log-interval.ts";

export interface FillInOptions {
  database: Database;
  textIndex: TextIndex;
  metrics: IndexMetrics;
  log: Log;
}

/** Counting more would take long, and tell nobody more. */
const mostCounted = 1_000_000;
const pausePerWork = 2;
const longestPauseMs = 2_000;
const logEveryMs = 30_000;

/** Until there are none left or the signal aborts. */
export async function fillIn(options: FillInOptions, signal: AbortSignal): Promise<void> {
  const { database, metrics, log } = options;
  let left = await countTextsNotIndexed(database, mostCounted);
  metrics.setNotIndexed(left);
  if (left === 0) return;
  await exclusively(database, reindexLockId, async () => {
    log.info({ left: describeCount(left) }, "indexing messages that are not");
    let indexed = 0;
    const isTimeToSay = createLogInterval(logEveryMs);
    isTimeToSay();
    const onPage = async ({ messages, changed, refused, tookMs }: IndexedPage) => {
      indexed += changed;
      left = Math.max(0, left - messages);
      metrics.setNotIndexed(left);
      metrics.filledIn(changed);
      if (refused > 0) log.warn({ refused }, "messages could not be indexed, and are not found");
      if (isTimeToSay()) log.info({ indexed, left: describeCount(left) }, "indexing messages that are not");
      await pause(Math.min(tookMs * pausePerWork, longestPauseMs), signal);
    };
    await reindex({ ...options, which: "missing", signal, onPage });
    log.info(
      { indexed },
      signal.aborted ? "stopped indexing messages" : "indexed the messages that were not",
    );
  });
  if (!signal.aborted) metrics.setNotIndexed(await countTextsNotIndexed(database, mostCounted));
}

const describeCount = (count: number) => (count === mostCounted ? `${mostCounted} or more` : count);

const pause = (ms: number, signal: AbortSignal) =>
  delay(ms, undefined, { signal, ref: false }).catch(() => {});
