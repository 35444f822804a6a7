/** Puts, committed in batches of what gathered while the previous ones were under way. */
import { type Put, type PutOutcome, storePuts } from "#blobs/store-puts.ts";
import { type Database, isTransient, sqlState } from "#platform/database.ts";
import { createGathered, type Gathered } from "#platform/gathered.ts";
import type { Log } from "#platform/log.ts";

/**
 * Rejects with "overloaded" before anything was tried; after any other error nobody knows whether it was committed, so the
 * object must stay.
 */
export type CommitPut = Gathered<Put, PutOutcome>;

export interface CommitPutsOptions {
  database: Database;
  quotaBytes: number;
  maxWaiting: number;
  log: Log;
}

const maxBatch = 200;
/** A second one is on its way while the first is written to disk; of one user they wait for each other. */
const maxInFlight = 2;
const maxAttempts = 5;

export function createCommitPut({ database, quotaBytes, maxWaiting, log }: CommitPutsOptions): CommitPut {
  return createGathered({
    maxBatch,
    maxInFlight,
    maxWaiting,
    async run(puts) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await storePuts(database, puts, quotaBytes);
        } catch (error) {
          // Of a failed statement only its SQLSTATE is logged: PostgreSQL may quote keys.
          log.warn(
            { sqlState: sqlState(error), batchSize: puts.length, attempt },
            "a batch of puts was not committed",
          );
          if (!isTransient(error) || attempt === maxAttempts) throw error;
        }
      }
    },
  });
}
