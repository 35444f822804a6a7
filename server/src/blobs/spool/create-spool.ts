/**
 * Write-back: a pod's spool, from its opening to its end. Blobs are acknowledged once their bytes are durable here and their
 * row says so; a loop brings them to the store.
 */
import { stat } from "node:fs/promises";
import type { BlobConfig } from "#blobs/config.ts";
import type { Spool } from "#blobs/objects/spool.ts";
import { type Drain, startDrain } from "#blobs/spool/drain.ts";
import { openSpoolFolder, type SpoolFolder } from "#blobs/spool/spool-folder.ts";
import { createSpoolMetrics } from "#blobs/spool/spool-metrics.ts";
import { createSpoolRoom } from "#blobs/spool/spool-room.ts";
import { createSpooledReader, type PodClient } from "#blobs/spool/spooled-reader.ts";
import { tidySpool } from "#blobs/spool/tidy.ts";
import { announcePod, forgetPods, readBacklog, urlOfPod } from "#blobs/store-spool.ts";
import type { ByteRange, ObjectStore } from "#blobs/stores/object-store.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import { fault, toPublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";
import { createPeriodic } from "#platform/periodic.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface PodSpoolOptions {
  config: BlobConfig;
  path: string;
  store: ObjectStore;
  database: Database;
  /** Undefined: other pods cannot be asked. */
  toPod: ((url: string) => PodClient) | undefined;
  clock: Clock;
  telemetry: Telemetry;
  log: Log;
}

export interface PodSpool extends Spool {
  /** Opens the folder if there is, or is to be, something in it. */
  start(): Promise<void>;
  /** Tries for some seconds to bring everything to the store. */
  stop(): Promise<void>;
  /** For other pods: "blob-not-found" when the bytes are not on this pod's disk. */
  readHere(name: string, range: ByteRange, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}

const lookEveryMs = 10_000;
const tidyEveryMs = 3_600_000;
const drainWithinMs = 4_000;
const retryAfterMs = 1_000;

export function createPodSpool(options: PodSpoolOptions): PodSpool {
  const { config, path, store, database, toPod, log } = options;
  const metrics = createSpoolMetrics(options.telemetry);
  const room = createSpoolRoom(config.PARLEY_BLOB_SPOOL_MAX_BYTES);
  const isWriteBack = config.PARLEY_BLOB_WRITE_BACK.length > 0;
  let folder: SpoolFolder | undefined;
  let drain: Drain | undefined;

  const opened = (): SpoolFolder => {
    if (!folder) throw new Error("this pod has no spool");
    return folder;
  };
  const look = async () => {
    const { podId, freeBytes } = opened();
    await announcePod(database, podId, config.PARLEY_BLOB_SPOOL_URL ?? "");
    const backlog = await readBacklog(database, podId);
    metrics.backlog(backlog);
    room.correct({ waitingBytes: backlog.bytes, freeBytes: await freeBytes() });
  };
  const tidy = async () => {
    await tidySpool({ ...options, folder: opened() });
    await forgetPods(database);
  };
  const looking = createPeriodic({
    everyMs: lookEveryMs,
    run: look,
    onError: (error) => log.warn({ err: error }, "the spool's backlog cannot be told"),
  });
  const tidying = createPeriodic({
    everyMs: tidyEveryMs,
    run: tidy,
    onError: (error) => log.warn({ err: error }, "the spool could not be tidied"),
  });

  return {
    get podId() {
      return opened().podId;
    },
    hasRoomFor: (size) => isWriteBack && drain !== undefined && room.isEnoughFor(size),
    async write(name, bytes, write) {
      const size = write.size ?? 0;
      room.taken(size);
      try {
        await opened().files.write(name, bytes, write);
      } catch (error) {
        room.freed(size);
        if (toPublicError(error).code !== "storage-full") throw error;
        // The next one goes straight to the store, also this one if it is tried again.
        room.wasFull();
        throw fault("blob-store-unavailable", { retryAfterMs, cause: error });
      }
    },
    read: createSpooledReader({ store, own: () => folder, findPod: findPodBy(database, toPod) }),
    async readHere(name, range, signal) {
      if (!folder) throw fault("blob-not-found");
      return await folder.files.read(name, range, signal);
    },
    async discard(name) {
      const { files } = opened();
      const size = await files.sizeOf(name);
      await files.delete([name]);
      room.freed(size ?? 0);
    },
    async start() {
      if (!isWriteBack && !(await exists(path))) return;
      folder = await openSpoolFolder(path);
      await look();
      await tidy();
      drain = startDrain({ ...options, folder, metrics, onGone: room.freed });
      looking.start();
      tidying.start();
    },
    async stop() {
      await drain?.stop(drainWithinMs);
      await looking.stop();
      await tidying.stop();
      folder?.release();
      folder = undefined;
    },
  };
}

function findPodBy(database: Database, toPod: PodSpoolOptions["toPod"]) {
  return async (podId: string) => {
    const url = toPod && (await urlOfPod(database, podId));
    return url ? toPod(url) : undefined;
  };
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
}
