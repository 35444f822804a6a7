/** The jobs of attachments: one that has a look at pictures, and one that lets go of what no message has any more. */
import type { SentPlace } from "#messenger/store-attachments.ts";
import type { JobHandler, JobQueue, Jobs } from "#platform/jobs/jobs.ts";

export interface ReleaseJob {
  attachmentIds: string[];
}

export interface AttachmentQueues {
  /** Of one message. */
  prepare: JobQueue<SentPlace>;
  release: JobQueue<ReleaseJob>;
}

export interface AttachmentHandlers {
  prepare: JobHandler<SentPlace>;
  release: JobHandler<ReleaseJob>;
}

/** Waits add up to two hours: blobs, or its store, may be away for that long. */
const attempts = { maxAttempts: 13, backoffMs: 2_000 };

export function createAttachmentQueues(jobs: Jobs, handlers: AttachmentHandlers): AttachmentQueues {
  return {
    prepare: jobs.queue<SentPlace>(
      // Ten pictures, one after the other.
      { name: "prepare-attachments", concurrency: 4, timeoutMs: 300_000, ...attempts },
      handlers.prepare,
    ),
    release: jobs.queue<ReleaseJob>(
      { name: "release-attachments", concurrency: 2, timeoutMs: 15_000, ...attempts },
      handlers.release,
    ),
  };
}
