/**
 * Uploads of more than one call, in the database. Whatever changes what counts for a user locks their row of usage first,
 * and a row of uploads after it.
 */
import { type UploadRow, uploadColumns } from "#blobs/uploads/upload-row.ts";
import type { Database, Queryable, Statement } from "#platform/database.ts";

const later = (parameter: string) => `clock_timestamp() + ${parameter} * interval '1 hour'`;
const isOpen = "u.done_at IS NULL AND u.expires_at > clock_timestamp()";

const statements = {
  addUsage: {
    name: "blobs.uploads.add-usage",
    text: "INSERT INTO blobs.usage (owner_id, bytes, blob_count) VALUES ($1, 0, 0) ON CONFLICT DO NOTHING",
  },
  lockUsage: {
    name: "blobs.uploads.lock-usage",
    text: "SELECT u.bytes FROM blobs.usage u WHERE u.owner_id = $1 FOR NO KEY UPDATE",
  },
  changeUsage: {
    name: "blobs.uploads.change-usage",
    text: "UPDATE blobs.usage SET bytes = bytes + $2 WHERE owner_id = $1",
  },
  open: {
    name: "blobs.uploads.open",
    text: "SELECT count(*) AS open FROM blobs.uploads u WHERE u.owner_id = $1 AND u.done_at IS NULL",
  },
  add: {
    name: "blobs.uploads.add",
    text: `INSERT INTO blobs.uploads AS u (id, owner_id, is_direct, key, content_type, metadata, given_metadata, size, sha256,
             object_id, reserved, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, ${later("$12")}) RETURNING ${uploadColumns}`,
  },
  find: {
    name: "blobs.uploads.find",
    text: `SELECT ${uploadColumns} FROM blobs.uploads u
           WHERE u.id = $1 AND u.owner_id = $2 AND u.is_direct = $3 AND u.expires_at > clock_timestamp()`,
  },
  declareSize: {
    name: "blobs.uploads.declare-size",
    text: `UPDATE blobs.uploads u SET size = $2, reserved = $2
           FROM blobs.uploads old WHERE old.id = u.id AND u.id = $1 AND u.size IS NULL AND ${isOpen}
           RETURNING old.reserved`,
  },
  addPiece: {
    name: "blobs.uploads.add-piece",
    text: `UPDATE blobs.uploads u SET received = u.received + $3, pieces = u.pieces || $4::uuid,
             piece_sizes = u.piece_sizes || $3::bigint, hash_state = $5, append_from = $6,
             reserved = CASE WHEN u.size IS NULL THEN u.received + $3 ELSE u.reserved END, expires_at = ${later("$7")}
           WHERE u.id = $1 AND u.received = $2 AND u.size IS NOT DISTINCT FROM $8 AND ${isOpen} RETURNING ${uploadColumns}`,
  },
  finish: {
    name: "blobs.uploads.finish",
    text: `UPDATE blobs.uploads u SET done_at = to_timestamp($2::float8 / 1000), sha256 = $3, object_id = $4, reserved = 0,
             hash_state = NULL, expires_at = ${later("$5")}
           WHERE u.id = $1 RETURNING ${uploadColumns}`,
  },
  lock: {
    name: "blobs.uploads.lock",
    text: `SELECT ${uploadColumns}, u.reserved FROM blobs.uploads u WHERE u.id = $1 AND ${isOpen} FOR UPDATE`,
  },
  remove: {
    name: "blobs.uploads.remove",
    text: `WITH gone AS (
             DELETE FROM blobs.uploads u WHERE u.id = $1 AND ($2 OR u.expires_at <= clock_timestamp()) RETURNING u.*
           ), freed AS (
             INSERT INTO blobs.garbage (object_id)
             SELECT unnest(CASE WHEN gone.is_direct THEN ARRAY[gone.object_id] ELSE gone.pieces END)
             FROM gone WHERE gone.done_at IS NULL ON CONFLICT DO NOTHING
           )
           UPDATE blobs.usage SET bytes = bytes - gone.reserved FROM gone WHERE usage.owner_id = gone.owner_id
           RETURNING gone.id`,
  },
  expired: {
    name: "blobs.uploads.expired",
    text: `SELECT u.id, u.owner_id AS "ownerId" FROM blobs.uploads u WHERE u.expires_at <= clock_timestamp()
           ORDER BY u.expires_at LIMIT $1`,
  },
  referred: {
    name: "blobs.uploads.referred",
    text: `SELECT given.id::text AS id FROM unnest($1::uuid[]) AS given (id)
           WHERE (SELECT 1 FROM blobs.uploads u WHERE u.pieces @> ARRAY[given.id] LIMIT 1) IS NOT NULL
             OR (SELECT 1 FROM blobs.uploads u WHERE u.object_id = given.id LIMIT 1) IS NOT NULL`,
  },
} satisfies Record<string, Statement>;

export interface NewUpload {
  id: string;
  ownerId: string;
  isDirect: boolean;
  key: Buffer;
  contentType: string;
  metadata: Record<string, string> | undefined;
  givenMetadata: string;
  size: number | undefined;
  sha256: Uint8Array | undefined;
  objectId: string;
}

export interface NewPiece {
  id: string;
  size: number;
  hashState: Uint8Array;
  appendFrom: number;
}

const one = async (db: Queryable, statement: Statement, values: unknown[]): Promise<UploadRow | undefined> =>
  (await db.query<UploadRow>(statement, values))[0];

/** Until the end of the transaction. Resolves to the bytes that count for the user. */
export async function lockUsage(tx: Queryable, ownerId: string): Promise<number> {
  await tx.query(statements.addUsage, [ownerId]);
  const [row] = await tx.query<{ bytes: number }>(statements.lockUsage, [ownerId]);
  return row!.bytes;
}

export async function changeUsage(tx: Queryable, ownerId: string, bytes: number): Promise<void> {
  await tx.query(statements.changeUsage, [ownerId, bytes]);
}

export async function openUploads(db: Queryable, ownerId: string): Promise<number> {
  const [row] = await db.query<{ open: number }>(statements.open, [ownerId]);
  return row!.open;
}

export async function addUpload(tx: Queryable, upload: NewUpload, expiryHours: number): Promise<UploadRow> {
  const { id, ownerId, isDirect, key, contentType, metadata, givenMetadata, size, sha256, objectId } = upload;
  const said = [key, contentType, metadata ?? null, givenMetadata, size ?? null, sha256 ?? null];
  const row = await one(tx, statements.add, [
    id,
    ownerId,
    isDirect,
    ...said,
    objectId,
    size ?? 0,
    expiryHours,
  ]);
  return row!;
}

export function findUpload(
  db: Queryable,
  { id, ownerId, isDirect }: Pick<UploadRow, "id" | "ownerId" | "isDirect">,
): Promise<UploadRow | undefined> {
  return one(db, statements.find, [id, ownerId, isDirect]);
}

/** Resolves to the bytes that counted for it before; undefined: it is not open, or the size was said before. */
export async function declareSize(tx: Queryable, id: string, size: number): Promise<number | undefined> {
  const [row] = await tx.query<{ reserved: number }>(statements.declareSize, [id, size]);
  return row?.reserved;
}

/**
 * Undefined: it does not stand as it did when the piece was begun, or is not open. Its size may have been said meanwhile: then
 * that much counts already, and the piece may be too long.
 */
export function addPiece(
  tx: Queryable,
  { id, received, size }: Pick<UploadRow, "id" | "received" | "size">,
  piece: NewPiece,
  expiryHours: number,
): Promise<UploadRow | undefined> {
  const { hashState, appendFrom } = piece;
  const grown = [piece.size, piece.id, hashState, appendFrom, expiryHours];
  return one(tx, statements.addPiece, [id, received, ...grown, size]);
}

/** Nobody else changes it until the end of the transaction. Undefined: it is not open. */
export function lockUpload(
  tx: Queryable,
  id: string,
): Promise<(UploadRow & { reserved: number }) | undefined> {
  return one(tx, statements.lock, [id]) as Promise<(UploadRow & { reserved: number }) | undefined>;
}

/** In the transaction in which it became a blob. */
export async function finishUpload(
  tx: Queryable,
  id: string,
  {
    atMs,
    sha256,
    objectId,
    expiryHours,
  }: { atMs: number; sha256: Uint8Array; objectId: string; expiryHours: number },
): Promise<UploadRow> {
  return (await one(tx, statements.finish, [id, atMs, sha256, objectId, expiryHours]))!;
}

/** With the bytes that it has in the store, unless they are a blob's. */
export async function removeUpload(
  database: Database,
  { id, ownerId }: Pick<UploadRow, "id" | "ownerId">,
  { isExpiredOnly = false } = {},
): Promise<void> {
  await database.transaction(async (tx) => {
    await lockUsage(tx, ownerId);
    await tx.query(statements.remove, [id, !isExpiredOnly]);
  });
}

export function expiredUploads(db: Queryable, limit: number): Promise<{ id: string; ownerId: string }[]> {
  return db.query(statements.expired, [limit]);
}

/** Those of the ids, of objects of the store, that an upload refers to. For the sweep of orphans. */
export async function referredByUploads(db: Queryable, ids: readonly string[]): Promise<string[]> {
  const rows = await db.query<{ id: string }>(statements.referred, [ids]);
  return rows.map(({ id }) => id);
}
