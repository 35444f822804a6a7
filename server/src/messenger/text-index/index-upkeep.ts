/** The messenger's background work on its text index. */
import { fillIn } from "#messenger/text-index/fill-in.ts";
import { createIndexMetrics } from "#messenger/text-index/index-metrics.ts";
import { mergePending } from "#messenger/text-index/keep-merged.ts";
import type { TextIndex } from "#messenger/text-index/text-index.ts";
import type { Database } from "#platform/database.ts";
import { toPublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";
import { createPeriodic } from "#platform/periodic.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface IndexUpkeep {
  start(): void;
  stop(): Promise<void>;
}

export interface IndexUpkeepOptions {
  database: Database;
  textIndex: TextIndex;
  telemetry: Telemetry;
  log: Log;
  /** At 10,000 messages a second, the list that every search reads costs it 3 ms then, and merging it takes 0.1 s. */
  mergeEveryMs?: number;
  /** Servers of before may be running beside this one, and leave messages without words. */
  fillInEveryMs?: number;
}

export function createIndexUpkeep(options: IndexUpkeepOptions): IndexUpkeep {
  const { database, textIndex, log, mergeEveryMs = 1_000, fillInEveryMs = 15_000 } = options;
  if (!textIndex.isOn) return { start() {}, stop: async () => {} };
  const metrics = createIndexMetrics(options.telemetry);
  let mergedAt = 0;
  const merging = createPeriodic({
    everyMs: mergeEveryMs,
    async run(signal) {
      const { written } = textIndex;
      if (written === mergedAt) return;
      await mergePending(database, metrics, signal);
      mergedAt = written;
    },
    onError: (error) => log.warn({ code: toPublicError(error).code }, "the text index was not merged"),
  });
  const filling = createPeriodic({
    everyMs: fillInEveryMs,
    run: (signal) => fillIn({ database, textIndex, metrics, log }, signal),
    onError: (error) => log.warn({ code: toPublicError(error).code }, "messages were not indexed"),
  });
  return {
    start() {
      merging.start();
      filling.start();
    },
    async stop() {
      await Promise.all([merging.stop(), filling.stop()]);
    },
  };
}
