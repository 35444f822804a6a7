/** What must be true of blobs at any moment, as queries. Each statement sees one moment of the database. */
import type { Database, Queryable, Statement } from "#platform/database.ts";
import { nilUuid } from "#platform/uuid.ts";

type KeyRow = [ownerId: string, key: Buffer, objectId: string, isThere: boolean];

const selectKeys: Statement = {
  name: "blobs.doctor-keys",
  text: `SELECT k.owner_id, k.key, k.object_id, o.id IS NOT NULL FROM blobs.keys k
    LEFT JOIN blobs.objects o ON o.id = k.object_id
    WHERE (k.owner_id, k.key) > ($1::uuid, $2::bytea) ORDER BY k.owner_id, k.key LIMIT $3`,
};

export async function* keysAndObjects(db: Queryable, limit: number): AsyncGenerator<KeyRow[]> {
  let last: [string, Buffer] = [nilUuid, Buffer.alloc(0)];
  for (;;) {
    const rows = await db.queryArrays<KeyRow>(selectKeys, [...last, limit]);
    if (rows.length === 0) return;
    yield rows;
    last = [rows.at(-1)![0], rows.at(-1)![1]];
  }
}

const selectAttachments: Statement = {
  name: "blobs.doctor-attachments",
  text: `SELECT a.id, content.id IS NOT NULL AND (a.thumbnail_object_id IS NULL OR thumbnail.id IS NOT NULL)
    FROM blobs.attachments a
    LEFT JOIN blobs.objects content ON content.id = a.object_id
    LEFT JOIN blobs.objects thumbnail ON thumbnail.id = a.thumbnail_object_id
    WHERE a.id > $1 ORDER BY a.id LIMIT $2`,
};

export async function* attachmentsAndObjects(
  db: Queryable,
  limit: number,
): AsyncGenerator<[id: string, isThere: boolean][]> {
  let after = nilUuid;
  for (;;) {
    const rows = await db.queryArrays<[string, boolean]>(selectAttachments, [after, limit]);
    if (rows.length === 0) return;
    yield rows;
    after = rows.at(-1)![0];
  }
}

type ObjectRow = [id: string, size: number, pieces: string[] | null, pieceSizes: number[] | null];

const selectObjects: Statement = {
  name: "blobs.doctor-objects",
  text: `SELECT o.id, o.size::float8, o.pieces, o.piece_sizes::float8[] FROM blobs.objects o
    WHERE o.id > $1 AND o.spooled_by IS NULL
      AND NOT EXISTS (SELECT 1 FROM blobs.garbage g WHERE g.object_id = o.id)
    ORDER BY o.id LIMIT $2`,
};

/** Whose bytes must be in the store, in pages. */
export async function* objectsInStore(db: Queryable, limit: number): AsyncGenerator<ObjectRow[]> {
  let after = nilUuid;
  for (;;) {
    const rows = await db.queryArrays<ObjectRow>(selectObjects, [after, limit]);
    if (rows.length === 0) return;
    yield rows;
    after = rows.at(-1)![0];
  }
}

/** Of each owner: what there is that counts, and what open uploads have reserved. */
const counted = `
  SELECT owner_id, sum(bytes)::bigint AS bytes, sum(blob_count)::int AS blob_count FROM (
    SELECT o.owner_id, sum(o.size) AS bytes, count(*) AS blob_count FROM blobs.objects o
    WHERE o.is_counted AND NOT EXISTS (SELECT 1 FROM blobs.garbage g WHERE g.object_id = o.id)
    GROUP BY o.owner_id
    UNION ALL
    SELECT u.owner_id, sum(u.reserved), 0 FROM blobs.uploads u WHERE u.reserved > 0 GROUP BY u.owner_id
  ) parts GROUP BY owner_id`;

// Objects are not in the order of their owners: all are added up at once, and only those that differ come back.
const selectWrongUsage: Statement = {
  name: "blobs.doctor-usage",
  text: `SELECT owner_id FROM (${counted}) counted FULL JOIN blobs.usage u USING (owner_id)
    WHERE (COALESCE(counted.bytes, 0), COALESCE(counted.blob_count, 0)) <> (COALESCE(u.bytes, 0), COALESCE(u.blob_count, 0))
    ORDER BY owner_id LIMIT $1`,
};

/** Whose usage is not what it should be. */
export async function findWrongUsage(db: Queryable, limit: number): Promise<string[]> {
  const rows = await db.queryArrays<[string]>(selectWrongUsage, [limit]);
  return rows.map(([ownerId]) => ownerId);
}

const addUsage: Statement = {
  name: "blobs.doctor-add-usage",
  text: `INSERT INTO blobs.usage (owner_id, bytes, blob_count)
    SELECT owner_id, 0, 0 FROM unnest($1::uuid[]) AS given (owner_id) ORDER BY owner_id ON CONFLICT DO NOTHING`,
};

const lockUsage: Statement = {
  name: "blobs.doctor-lock-usage",
  text: "SELECT 1 FROM blobs.usage WHERE owner_id = ANY ($1::uuid[]) ORDER BY owner_id FOR UPDATE",
};

const recountUsage: Statement = {
  name: "blobs.doctor-recount-usage",
  text: `UPDATE blobs.usage u SET bytes = COALESCE(counted.bytes, 0), blob_count = COALESCE(counted.blob_count, 0)
    FROM unnest($1::uuid[]) AS given (owner_id) LEFT JOIN (${counted}) counted USING (owner_id)
    WHERE u.owner_id = given.owner_id
      AND (u.bytes, u.blob_count) <> (COALESCE(counted.bytes, 0), COALESCE(counted.blob_count, 0))
    RETURNING u.owner_id`,
};

/** How many were not right. Their owners' rows are locked, which whoever changes what is counted has to do first. */
export async function recountUsageOf(db: Database, ownerIds: string[]): Promise<number> {
  return db.transaction(async (tx) => {
    await tx.queryArrays(addUsage, [ownerIds]);
    await tx.queryArrays(lockUsage, [ownerIds]);
    return (await tx.queryArrays(recountUsage, [ownerIds])).length;
  });
}

const selectLostSpools: Statement = {
  name: "blobs.doctor-lost-spools",
  text: `SELECT waiting.pod_id, waiting.count, pods.seen_at FROM (
      SELECT spooled_by AS pod_id, count(*) AS count FROM blobs.objects WHERE spooled_by IS NOT NULL GROUP BY spooled_by
    ) waiting
    LEFT JOIN blobs.spool_pods pods USING (pod_id)
    WHERE pods.seen_at IS NULL OR pods.seen_at < now() - $1 * interval '1 millisecond'
    ORDER BY waiting.pod_id`,
};

/** Pods on whose disk alone bytes are, and that have not been seen for so long. */
export async function findLostSpools(
  db: Queryable,
  unseenMs: number,
): Promise<[podId: string, objects: number, seenAt: Date | null][]> {
  return db.queryArrays(selectLostSpools, [unseenMs]);
}
