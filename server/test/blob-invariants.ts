/**
 * What must always hold between the rows of blobs and the store: every object that something refers to has its bytes, whole
 * and with the SHA-256 of its row; what nothing refers to is garbage; usage is the sum of what is not. After a sweep of all
 * that may be swept, nothing else is in the store.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { objectName } from "#blobs/objects/object-name.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { markFolder } from "#blobs/stores/store-names.ts";
import type { Database } from "#platform/database.ts";

export interface BlobsUnderTest {
  database: Database;
  store: ObjectStore;
}

export interface AllowedLeftovers {
  /** Names in the store that no row knows: what crashes leave until the sweep. */
  orphans?: boolean;
}

/** Call it when nothing is under way. */
export async function checkBlobInvariants(
  { database, store }: BlobsUnderTest,
  allowed: AllowedLeftovers = {},
): Promise<void> {
  const run = <Row extends object>(name: string, text: string) =>
    database.query<Row & Record<string, unknown>>({ name: `test.${name}`, text });

  const dangling = await run(
    "dangling",
    `SELECT object_id FROM blobs.keys WHERE object_id NOT IN (SELECT id FROM blobs.objects)
     UNION ALL SELECT object_id FROM blobs.keys WHERE object_id IN (SELECT object_id FROM blobs.garbage)
     UNION ALL SELECT object_id FROM blobs.attachments WHERE object_id NOT IN (SELECT id FROM blobs.objects)
     UNION ALL SELECT object_id FROM blobs.attachments WHERE object_id IN (SELECT object_id FROM blobs.garbage)`,
  );
  assert.deepEqual(dangling, [], "a key or an attachment refers to an object that is not there");

  const forgotten = await run(
    "forgotten",
    `SELECT id FROM blobs.objects o
     WHERE NOT EXISTS (SELECT 1 FROM blobs.keys k WHERE k.object_id = o.id)
       AND NOT EXISTS (SELECT 1 FROM blobs.attachments a WHERE o.id IN (a.object_id, a.thumbnail_object_id))
       AND NOT EXISTS (SELECT 1 FROM blobs.garbage g WHERE g.object_id = o.id)`,
  );
  assert.deepEqual(forgotten, [], "an object that nothing refers to is not garbage");

  const miscounted = await run(
    "miscounted",
    `SELECT * FROM (
       SELECT owner_id, sum(size)::bigint AS bytes, count(*)::int AS blob_count FROM blobs.objects
       WHERE is_counted AND id NOT IN (SELECT object_id FROM blobs.garbage) GROUP BY owner_id
     ) counted FULL JOIN blobs.usage u USING (owner_id)
     LEFT JOIN (SELECT owner_id, sum(reserved)::bigint AS bytes FROM blobs.uploads GROUP BY owner_id) reserved USING (owner_id)
     WHERE (coalesce(counted.bytes, 0) + coalesce(reserved.bytes, 0), coalesce(counted.blob_count, 0))
       IS DISTINCT FROM (coalesce(u.bytes, 0), coalesce(u.blob_count, 0))`,
  );
  assert.deepEqual(miscounted, [], "usage is not the sum of what is kept");

  const known = await checkBytes({ database, store });
  if (!allowed.orphans) assert.deepEqual(await unknownNames(store, known), [], "no row knows these");
}

/** Names that rows know. Bytes of garbage may be deleted already. */
async function checkBytes({ database, store }: BlobsUnderTest): Promise<Set<string>> {
  const objects = await database.query<{
    id: string;
    size: number;
    sha256: Buffer;
    pieces: string[] | null;
    is_garbage: boolean;
  }>({
    name: "test.objects",
    text: `SELECT o.id, o.size, o.sha256, o.pieces, g.object_id IS NOT NULL AS is_garbage
      FROM blobs.objects o LEFT JOIN blobs.garbage g ON g.object_id = o.id WHERE o.spooled_by IS NULL`,
  });
  const known = new Set<string>();
  for (const { id, size, sha256, pieces, is_garbage } of objects) {
    const names = (pieces ?? [id]).map(objectName);
    for (const name of names) known.add(name);
    if (is_garbage) continue;
    const hash = createHash("sha256");
    let bytes = 0;
    for (const name of names) {
      const length = await store.sizeOf(name);
      assert.ok(length !== undefined, `the bytes of ${name} are missing`);
      for await (const chunk of await store.read(name, { offset: 0, length }, AbortSignal.timeout(10_000))) {
        hash.update(chunk);
        bytes += chunk.byteLength;
      }
    }
    assert.equal(bytes, size, `${id} is not as long as its row says`);
    assert.equal(hash.digest("hex"), sha256.toString("hex"), `${id} has other bytes than its row says`);
  }
  const loose = await database.query<{ object_id: string }>({
    name: "test.loose-garbage",
    text: `SELECT object_id FROM blobs.garbage UNION SELECT unnest(pieces) FROM blobs.uploads
      UNION SELECT object_id FROM blobs.uploads`,
  });
  for (const { object_id } of loose) known.add(objectName(object_id));
  return known;
}

async function unknownNames(store: ObjectStore, known: ReadonlySet<string>): Promise<string[]> {
  const unknown: string[] = [];
  for await (const folder of store.folders()) {
    if (folder === markFolder) continue;
    for await (const name of store.list(folder)) if (!known.has(name)) unknown.push(name);
  }
  return unknown;
}
