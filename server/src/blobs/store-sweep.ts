/** The statements of the sweep. */
import type { Queryable, Statement } from "#platform/database.ts";

export interface Garbage {
  id: string;
  /** Objects of the store that it is made of. */
  pieceIds: string[];
}

const selectGarbage: Statement = {
  name: "blobs.select-garbage",
  text: `SELECT g.object_id AS id, coalesce(o.pieces, ARRAY[g.object_id]) AS piece_ids
    FROM blobs.garbage g LEFT JOIN blobs.objects o ON o.id = g.object_id
    WHERE g.since <= to_timestamp($1 / 1000.0) AND o.spooled_by IS NULL
    ORDER BY g.since LIMIT $2`,
};

/** What has been garbage since before, oldest first. Not what is still on a pod's disk: that goes to the store first. */
export async function findGarbage(database: Queryable, beforeMs: number, limit: number): Promise<Garbage[]> {
  const rows = await database.query<{ id: string; piece_ids: string[] }>(selectGarbage, [beforeMs, limit]);
  return rows.map((row) => ({ id: row.id, pieceIds: row.piece_ids }));
}

const deleteGarbage: Statement = {
  name: "blobs.delete-garbage",
  text: `WITH gone AS (DELETE FROM blobs.objects WHERE id = ANY ($1::uuid[]))
    DELETE FROM blobs.garbage WHERE object_id = ANY ($1::uuid[])`,
};

/** Once their bytes are deleted. */
export async function forgetGarbage(database: Queryable, ids: readonly string[]): Promise<void> {
  await database.query(deleteGarbage, [ids]);
}

const countGarbageStatement: Statement = {
  name: "blobs.count-garbage",
  text: "SELECT count(*) AS count FROM (SELECT 1 FROM blobs.garbage LIMIT 1000000) g",
};

export async function countGarbage(database: Queryable): Promise<number> {
  const [row] = await database.query<{ count: number }>(countGarbageStatement);
  return row!.count;
}

const selectReferred: Statement = {
  name: "blobs.select-referred",
  text: `SELECT given.id FROM unnest($1::uuid[]) AS given (id)
    WHERE (SELECT 1 FROM blobs.objects o WHERE o.id = given.id) IS NOT NULL
      OR (SELECT 1 FROM blobs.garbage g WHERE g.object_id = given.id) IS NOT NULL
      OR (SELECT 1 FROM blobs.objects o
          WHERE o.pieces IS NOT NULL AND o.pieces @> ARRAY[given.id] LIMIT 1) IS NOT NULL`,
};

/** Those of these names' ids that an object is made of. */
export async function findReferred(database: Queryable, ids: readonly string[]): Promise<string[]> {
  const rows = await database.query<{ id: string }>(selectReferred, [ids]);
  return rows.map(({ id }) => id);
}

const selectProgress: Statement = {
  name: "blobs.select-sweep-progress",
  text: "SELECT date_part('epoch', swept_until) * 1000 AS ms FROM blobs.sweep_progress WHERE name = 'orphans'",
};

/** Up to when; undefined: nothing has been looked through yet. */
export async function readProgress(database: Queryable): Promise<number | undefined> {
  const [row] = await database.query<{ ms: number }>(selectProgress);
  return row?.ms;
}

const upsertProgress: Statement = {
  name: "blobs.upsert-sweep-progress",
  text: `INSERT INTO blobs.sweep_progress (name, swept_until) VALUES ('orphans', to_timestamp($1 / 1000.0))
    ON CONFLICT (name) DO UPDATE SET swept_until = excluded.swept_until`,
};

export async function noteProgress(database: Queryable, sweptUntilMs: number): Promise<void> {
  await database.query(upsertProgress, [sweptUntilMs]);
}

const selectIdentity: Statement = {
  name: "blobs.select-identity",
  text: "SELECT id FROM blobs.identity",
};

/** Which database this is, for what marks a store as its own. */
export async function readIdentity(database: Queryable): Promise<string> {
  const [row] = await database.query<{ id: string }>(selectIdentity);
  return row!.id;
}
