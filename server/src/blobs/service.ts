/** Blobs: binary data by key, and what messages are sent with. Built by app/, reached by its RPCs only. */
import { join } from "node:path";
import { BlobInternalService } from "@parley/api/internal/blobs";
import { BlobService } from "@parley/api/v2/blob";
import { createPictures } from "#blobs/attachments/pictures.ts";
import { createBlobMetrics } from "#blobs/blob-metrics.ts";
import { createCommitPut } from "#blobs/commit-puts.ts";
import type { BlobConfig } from "#blobs/config.ts";
import { createObjects } from "#blobs/objects/create-objects.ts";
import { createHotCache } from "#blobs/objects/hot-cache.ts";
import { createKnownObjects } from "#blobs/objects/known-objects.ts";
import { createObjectIds } from "#blobs/objects/object-name.ts";
import type { BlobParts } from "#blobs/parts.ts";
import { appendToUpload } from "#blobs/rpc/append-to-upload.ts";
import { attachBlobs } from "#blobs/rpc/attach-blobs.ts";
import { completeDirectUpload } from "#blobs/rpc/complete-direct-upload.ts";
import { createDirectUpload } from "#blobs/rpc/create-direct-upload.ts";
import { createDownloadLink } from "#blobs/rpc/create-download-link.ts";
import { createUpload } from "#blobs/rpc/create-upload.ts";
import { deleteBlob } from "#blobs/rpc/delete-blob.ts";
import { deleteUpload } from "#blobs/rpc/delete-upload.ts";
import { findBlob } from "#blobs/rpc/find-blob.ts";
import { getBlob } from "#blobs/rpc/get-blob.ts";
import { getBlobUsage } from "#blobs/rpc/get-blob-usage.ts";
import { getUpload } from "#blobs/rpc/get-upload.ts";
import { listBlobs } from "#blobs/rpc/list-blobs.ts";
import { prepareAttachment } from "#blobs/rpc/prepare-attachment.ts";
import { putBlob } from "#blobs/rpc/put-blob.ts";
import { readObject } from "#blobs/rpc/read-object.ts";
import { readSpooled } from "#blobs/rpc/read-spooled.ts";
import { releaseAttachments } from "#blobs/rpc/release-attachments.ts";
import { createPodSpool } from "#blobs/spool/create-spool.ts";
import type { PodClient } from "#blobs/spool/spooled-reader.ts";
import { referredByUploads } from "#blobs/store-uploads.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { checkAtStart } from "#blobs/stores/open-store.ts";
import { createSweeper } from "#blobs/sweep/sweep.ts";
import { createSweepMetrics } from "#blobs/sweep/sweep-metrics.ts";
import { createTransfers } from "#blobs/transfers.ts";
import { sweepUploads } from "#blobs/uploads/sweep-uploads.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import type { Service } from "#platform/service.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface BlobsOptions {
  config: BlobConfig;
  /** Where this machine keeps what it keeps. */
  dataDir: string;
  database: Database;
  /** The cluster's: names of objects begin with the hour in which they were written. */
  clock: Clock;
  telemetry: Telemetry;
  log: Log;
  store: ObjectStore;
  /** To another pod's service port; undefined: there is no way. */
  toPod?: (url: string) => PodClient;
}

export const migrationsFolder = join(import.meta.dirname, "migrations");

export function createBlobs(options: BlobsOptions): Service {
  const { database, log } = options;
  const parts = createParts(options);
  const { spool } = parts;
  const sweeper = createSweeper({
    ...parts,
    referrers: [referredByUploads],
    chores: [(signal) => sweepUploads(database, signal)],
    metrics: createSweepMetrics(options.telemetry, options.clock),
  });
  return {
    name: "blobs",
    routes(router) {
      router.service(BlobService, {
        listBlobs: listBlobs(parts),
        getBlob: getBlob(parts),
        deleteBlob: deleteBlob(parts),
        getBlobUsage: getBlobUsage(parts),
        createDirectUpload: createDirectUpload(parts),
        completeDirectUpload: completeDirectUpload(parts),
        deleteDirectUpload: deleteUpload(parts, { isDirect: true }),
        createDownloadLink: createDownloadLink(parts),
      });
      router.service(BlobInternalService, {
        findBlob: findBlob(parts),
        putBlob: putBlob(parts),
        readObject: readObject(parts),
        attachBlobs: attachBlobs(parts),
        prepareAttachment: prepareAttachment(parts),
        releaseAttachments: releaseAttachments(parts),
        createUpload: createUpload(parts),
        getUpload: getUpload(parts),
        appendToUpload: appendToUpload(parts),
        deleteUpload: deleteUpload(parts, { isDirect: false }),
        readSpooled: readSpooled(spool),
      });
    },
    async start() {
      await migrate(database, "blobs", migrationsFolder, log);
      await checkAtStart(parts.store, log);
      await spool.start();
      sweeper.start();
    },
    async stop() {
      parts.pictures.stop();
      await sweeper.stop();
      await spool.stop();
    },
  };
}

function createParts(options: BlobsOptions): BlobParts {
  const { config, dataDir, database, store, toPod, clock, telemetry, log } = options;
  const path = join(dataDir, "spool");
  const spool = createPodSpool({ config, path, store, database, toPod, clock, telemetry, log });
  const cache = createHotCache(config.PARLEY_BLOB_CACHE_BYTES);
  const newObjectId = createObjectIds(clock);
  const transfers = createTransfers(config.PARLEY_BLOB_TRANSFERS_MAX);
  const metrics = createBlobMetrics(telemetry, {
    transfersUnderWay: () => transfers.underWay,
    cachedBytes: () => cache.bytes,
  });
  return {
    config,
    database,
    store,
    objects: createObjects({ store, spool, cache, onCacheRead: metrics.cacheRead, newObjectId, clock, log }),
    spool,
    newObjectId,
    knownObjects: createKnownObjects(database),
    commitPut: createCommitPut({
      database,
      quotaBytes: config.PARLEY_BLOB_QUOTA_BYTES,
      maxWaiting: config.PARLEY_BLOB_TRANSFERS_MAX,
      log,
    }),
    pictures: createPictures({ config, telemetry, log }),
    transfers,
    metrics,
    clock,
    log,
  };
}
