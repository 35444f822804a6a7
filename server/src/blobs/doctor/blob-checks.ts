/** What `parley doctor` looks for in the data of blobs. */
import {
  attachmentsAndObjects,
  findLostSpools,
  findWrongUsage,
  keysAndObjects,
  recountUsageOf,
} from "#blobs/store-doctor.ts";
import type { Check } from "#platform/doctor.ts";

const rowsAtATime = 1_000;
const ownersAtATime = 100;
const maxOwners = 10_000;
const unseenMs = 600_000;

const keys: Check = {
  name: "a blob's key stands for bytes that there are",
  async *check(database, { signal, onProgress }) {
    let seen = 0;
    for await (const page of keysAndObjects(database, rowsAtATime)) {
      signal.throwIfAborted();
      for (const [ownerId, , objectId, isThere] of page)
        if (!isThere) yield { id: `object ${objectId} of user ${ownerId}` };
      seen += page.length;
      onProgress(seen);
    }
  },
  advice:
    "The bytes cannot be made again: restore the database and the object store from backups of the same time.",
};

const attachments: Check = {
  name: "an attachment stands for bytes that there are",
  async *check(database, { signal, onProgress }) {
    let seen = 0;
    for await (const page of attachmentsAndObjects(database, rowsAtATime)) {
      signal.throwIfAborted();
      for (const [id, isThere] of page) if (!isThere) yield { id: `attachment ${id}` };
      seen += page.length;
      onProgress(seen);
    }
  },
  advice: keys.advice,
};

const usage: Check = {
  name: "a user's usage is what their blobs and open uploads add up to",
  async *check(database) {
    for (const ownerId of await findWrongUsage(database, maxOwners)) yield { id: `user ${ownerId}` };
  },
  repair: {
    about: "usage is added up anew",
    async run(database, { signal, onProgress }) {
      const owners = await findWrongUsage(database, maxOwners);
      let repaired = 0;
      for (let at = 0; at < owners.length; at += ownersAtATime) {
        signal.throwIfAborted();
        repaired += await recountUsageOf(database, owners.slice(at, at + ownersAtATime));
        onProgress(at);
      }
      return repaired;
    },
  },
  advice: "Run it once more.",
};

const spools: Check = {
  name: "bytes that wait for the object store are on the disk of a pod that is there",
  async *check(database) {
    for (const [podId, objects, seenAt] of await findLostSpools(database, unseenMs))
      yield { id: `pod ${podId}, last seen ${seenAt?.toISOString() ?? "never"}: ${objects} objects` };
  },
  advice:
    "Start Parley with the data directory of that pod: it brings them to the store. If its disk is lost, so are they.",
};

export const blobChecks: readonly Check[] = [keys, attachments, usage, spools];
