/** `parley rebuild-search-index`: every message's index entry anew, and the words that the vocabulary lacks. */
import { openDatabase } from "#app/open-database.ts";
import { waitForStopSignal } from "#app/stop-signal.ts";
import type { Config } from "#config/config.ts";
import { type RebuildProgress, rebuildTextIndex } from "#messenger/text-index/rebuild.ts";
import { createLog } from "#platform/log.ts";

export const rebuildSearchIndexUsage = `Usage: parley rebuild-search-index

Goes through all messages and indexes each anew by its present text, chat by chat. Those whose entry is right already are
left as they are. Parley may run meanwhile: sends, edits, deletions and searches go on. Without DATABASE_URL it works on
the built-in PostgreSQL of PARLEY_DATA_DIR, also beside the Parley that runs it.

Only needed when entries are wrong: after data was restored or changed by hand, or when the release notes ask for it.
What is not indexed at all is indexed by a running Parley of itself.

Interrupted, it leaves everything usable; run again, it begins anew, and is faster where it has been.
`;

const connections = 3;
const reportEveryMs = 1_000;

export async function rebuildSearchIndex(config: Config): Promise<number> {
  using stop = waitForStopSignal();
  const { signal } = stop;
  const log = createLog("warn");
  const opened = await openDatabase({
    config,
    log,
    applicationName: "parley-rebuild-search-index",
    maxConnections: connections,
    signal,
  });
  try {
    const report = createReport();
    const outcome = await rebuildTextIndex({
      database: opened.database,
      signal,
      onProgress: report.progress,
    });
    report.end(outcome);
    return outcome === "done" ? 0 : 1;
  } finally {
    await opened.close();
  }
}

const ends = {
  done: "All messages are indexed.",
  stopped: "Stopped. What was done stays; run it again for the rest.",
};

function createReport() {
  const startedAtMs = performance.now();
  let saidAtMs = startedAtMs;
  let latest: RebuildProgress | undefined;
  const say = (line: string) => process.stderr.write(`${line}\n`);
  return {
    progress(progress: RebuildProgress) {
      const nowMs = performance.now();
      latest = progress;
      if (nowMs - saidAtMs < reportEveryMs) return;
      saidAtMs = nowMs;
      say(describeProgress(progress, nowMs - startedAtMs));
    },
    end(outcome: keyof typeof ends) {
      if (latest) say(describeProgress(latest, performance.now() - startedAtMs));
      say(ends[outcome]);
    },
  };
}

export function describeProgress(progress: RebuildProgress, tookMs: number): string {
  if (progress.isWaiting) return "Another process is indexing messages: waiting until it is done.";
  const { seen, total, changed, refused } = progress;
  const perSecond = (seen * 1_000) / Math.max(tookMs, 1);
  const percent = total === 0 ? 100 : Math.min(100, Math.floor((100 * seen) / total));
  const leftSeconds = Math.max(0, Math.ceil((total - seen) / Math.max(perSecond, 1)));
  const refusals = refused > 0 ? `, ${refused} could not be indexed` : "";
  return `${seen} of ${total} messages (${percent} %), ${changed} were not right${refusals}; ${Math.round(perSecond)} a second, ${leftSeconds} s left`;
}
