/**
 * Merges the new entries of the index, which PostgreSQL gathers in a list, into it: the longer the list, the longer each
 * search, which reads all of it; and when it reaches its limit, a send has to merge it.
 */
import { mergePendingEntries } from "#messenger/store-text-index.ts";
import type { IndexMetrics } from "#messenger/text-index/index-metrics.ts";
import type { Database } from "#platform/database.ts";

/** A full list takes a second or two; on a machine with much else to do, longer. */
const patienceMs = 60_000;

/** Pages merged; none when another process is at it. When the signal aborts, the database finishes by itself. */
export async function mergePending(
  database: Database,
  metrics: IndexMetrics,
  signal: AbortSignal,
): Promise<void> {
  const startedAtMs = performance.now();
  const merging = database.withClient(async (client) => {
    await client.query(`SET statement_timeout = ${patienceMs}`);
    const config = { text: mergePendingEntries, query_timeout: patienceMs };
    const { rows } = await unlessAborted(client.query<{ entries: number; words: number }>(config), signal);
    await client.query("RESET statement_timeout");
    const [merged] = rows;
    if (merged) metrics.merged(merged.entries + merged.words, performance.now() - startedAtMs);
  });
  await merging.catch((error) => {
    if (!signal.aborted) throw error;
  });
}

/** Rejects at once then, upon which the connection is closed. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
