/** What the database says of objects, as long as it stays true: who has just found a blob reads its object next. */
import type { StoredObject } from "#blobs/objects/objects.ts";
import { findObjectRow } from "#blobs/store-blobs.ts";
import type { Database } from "#platform/database.ts";
import { createLruCache } from "#platform/lru-cache.ts";

export interface KnownObjects {
  find(id: string): Promise<StoredObject | undefined>;
  note(object: StoredObject): void;
  /** Its bytes were not there: what was known may be of before it was deleted. */
  forget(id: string): void;
}

const maxEntries = 10_000;

export function createKnownObjects(database: Database): KnownObjects {
  const known = createLruCache<string, StoredObject>(maxEntries);
  const note = (object: StoredObject) => {
    // Where a spooled one is changes; one of many pieces takes more memory than a look-up is worth.
    if (object.spooledBy === undefined && !object.pieces) known.set(object.id, object);
  };
  return {
    note,
    async find(id) {
      const object = known.get(id) ?? (await findObjectRow(database, id));
      if (object) note(object);
      return object;
    },
    forget: (id) => known.delete(id),
  };
}
