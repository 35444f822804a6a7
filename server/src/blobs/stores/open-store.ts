/** PARLEY_BLOB_STORE → the object store. Only the chosen vendor's library is loaded. */
import { join } from "node:path";
import type { BlobConfig } from "#blobs/config.ts";
import { createFileStore } from "#blobs/stores/file-store.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { parseStoreUrl } from "#blobs/stores/store-url.ts";
import { withCircuit } from "#blobs/stores/with-circuit.ts";
import type { Circuits } from "#platform/circuit/circuits.ts";
import { within } from "#platform/deadline.ts";
import { toPublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface OpenStoreOptions {
  config: Pick<BlobConfig, "PARLEY_BLOB_STORE" | "PARLEY_BLOB_TRANSFERS_MAX">;
  dataDir: string;
  circuits: Circuits;
  telemetry: Telemetry;
}

/** A store that is silent for so long in the middle of a call is away. */
const stallMs = 30_000;

/** Reaches for nothing yet: that is check()'s. */
export async function openStore(options: OpenStoreOptions): Promise<ObjectStore> {
  const { config, dataDir, circuits, telemetry } = options;
  const location = config.PARLEY_BLOB_STORE ? parseStoreUrl(config.PARLEY_BLOB_STORE) : undefined;
  const limits = { maxTransfers: config.PARLEY_BLOB_TRANSFERS_MAX, stallMs };
  const store = await createStore();
  return withCircuit(store, circuits.of("blob-store", store.description), telemetry);

  async function createStore(): Promise<ObjectStore> {
    switch (location?.kind) {
      case undefined:
        return createFileStore(join(dataDir, "blobs"));
      case "file":
        return createFileStore(location.folder);
      case "s3":
        return (await import("#blobs/stores/s3-store.ts")).createS3Store(location, limits);
      case "azblob":
        return (await import("#blobs/stores/azure-store.ts")).createAzureStore(location, limits);
    }
  }
}

const startCheckMs = 10_000;

/**
 * For the start of a service. A store that is set up wrongly stops it, with what to do. One that is away does not: then chats would be
 * down because blobs are, and nobody knows for how long; it is said in the log, and each call tells of it.
 */
export async function checkAtStart(store: ObjectStore, log: Log): Promise<void> {
  const limit = new AbortController();
  const checked = store.check(limit.signal).then(
    () => log.info({ store: store.description }, "blobs are kept here"),
    (error: unknown) => {
      if (!limit.signal.aborted && !isAway(error)) throw error;
      log.warn(
        { err: error, store: store.description },
        "the object store is away: blobs cannot be stored or read until it is back",
      );
    },
  );
  await within(checked, startCheckMs);
  limit.abort();
  await checked;
}

const isAway = (error: unknown) => toPublicError(error).code === "blob-store-unavailable";
