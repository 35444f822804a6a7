import type { Pictures } from "#blobs/attachments/pictures.ts";
import type { BlobMetrics } from "#blobs/blob-metrics.ts";
import type { CommitPut } from "#blobs/commit-puts.ts";
import type { BlobConfig } from "#blobs/config.ts";
import type { KnownObjects } from "#blobs/objects/known-objects.ts";
import type { Objects } from "#blobs/objects/objects.ts";
import type { PodSpool } from "#blobs/spool/create-spool.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import type { Transfers } from "#blobs/transfers.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";

/** What the RPCs are made of. */
export interface BlobParts {
  config: BlobConfig;
  database: Database;
  store: ObjectStore;
  objects: Objects;
  /** For objects that are not written by `objects`. */
  newObjectId(): string;
  spool: PodSpool;
  knownObjects: KnownObjects;
  commitPut: CommitPut;
  pictures: Pictures;
  transfers: Transfers;
  metrics: BlobMetrics;
  clock: Clock;
  log: Log;
}
