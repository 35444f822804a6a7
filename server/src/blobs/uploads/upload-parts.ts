import type { BlobConfig } from "#blobs/config.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import type { Database } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";

/** What uploads are made of. */
export interface UploadParts {
  config: BlobConfig;
  database: Database;
  store: ObjectStore;
  newObjectId(): string;
  log: Log;
}
