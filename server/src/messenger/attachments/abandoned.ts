/**
 * Attachments that blobs was asked to hold, and that no message came of: the send was refused, or repeated another, or
 * its process ended. Taking their rows keeps every message from getting them, and asks for their release in the same
 * transaction.
 */
import type { ReleaseJob } from "#messenger/attachments/attachment-queues.ts";
import { takeAbandoned } from "#messenger/store-attachments.ts";
import type { Database } from "#platform/database.ts";
import { toPublicError } from "#platform/errors.ts";
import type { JobQueue } from "#platform/jobs/jobs.ts";
import type { Log } from "#platform/log.ts";
import { createPeriodic, type Periodic } from "#platform/periodic.ts";

export interface AbandonedParts {
  database: Database;
  release: JobQueue<ReleaseJob>;
}

/** Longer than any send takes, so that none is refused that somebody still waits for. */
const abandonedAfterMs = 600_000;
const everyMs = 60_000;
/** Of one transaction; each has ten attachments at the most. */
const attemptsPerJob = 100;

export const createAbandonedSweeper = ({ log, ...parts }: AbandonedParts & { log: Log }): Periodic =>
  createPeriodic({
    everyMs,
    run: (signal) => sweepAbandoned(parts, signal),
    onError: (error) => log.warn({ code: toPublicError(error).code }, "unused attachments were not released"),
  });

/** Until there are none left, or the signal aborts. */
export async function sweepAbandoned(
  { database, release }: AbandonedParts,
  signal: AbortSignal,
  ageMs = abandonedAfterMs,
): Promise<void> {
  let taken = attemptsPerJob;
  while (taken === attemptsPerJob && !signal.aborted) {
    taken = await database.transaction(async (tx) => {
      const abandoned = await takeAbandoned(tx, { ageMs, limit: attemptsPerJob });
      if (abandoned.length > 0) await release.enqueue(tx, { attachmentIds: abandoned.flat() });
      return abandoned.length;
    });
    release.wake();
  }
}
