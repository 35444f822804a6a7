/** The statements that read keys, objects and usage. */
import type { StoredObject } from "#blobs/objects/objects.ts";
import type { Queryable, Statement } from "#platform/database.ts";

export interface BlobRow {
  key: Buffer;
  contentType: string;
  metadata: Record<string, string> | null;
  updatedAtMs: number;
  sha256: Buffer;
  object: StoredObject;
}

type ObjectColumns = {
  id: string;
  size: number;
  pieces: string[] | null;
  piece_sizes: string[] | null;
  spooled_by: string | null;
};

type BlobColumns = ObjectColumns & {
  key: Buffer;
  content_type: string;
  metadata: Record<string, string> | null;
  updated_at_ms: number;
  sha256: Buffer;
};

const objectColumns = "o.id, o.size, o.pieces, o.piece_sizes, o.spooled_by";
const blobColumns = `k.key, k.content_type, k.metadata, date_part('epoch', k.updated_at) * 1000 AS updated_at_ms,
    o.sha256, ${objectColumns}`;

function objectOf({ id, size, pieces, piece_sizes, spooled_by }: ObjectColumns): StoredObject {
  return {
    id,
    size,
    pieces: pieces?.map((piece, index) => ({ id: piece, size: Number(piece_sizes![index]) })),
    spooledBy: spooled_by ?? undefined,
  };
}

function blobOf(row: BlobColumns): BlobRow {
  return {
    key: row.key,
    contentType: row.content_type,
    metadata: row.metadata,
    updatedAtMs: row.updated_at_ms,
    sha256: row.sha256,
    object: objectOf(row),
  };
}

const selectBlob: Statement = {
  name: "blobs.select-blob",
  text: `SELECT ${blobColumns} FROM blobs.keys k JOIN blobs.objects o ON o.id = k.object_id
    WHERE k.owner_id = $1 AND k.key = $2`,
};

export async function findBlobRow(
  database: Queryable,
  ownerId: string,
  key: Buffer,
): Promise<BlobRow | undefined> {
  const [row] = await database.query<BlobColumns>(selectBlob, [ownerId, key]);
  return row && blobOf(row);
}

const listBlobs: Statement = {
  name: "blobs.list-blobs",
  text: `SELECT ${blobColumns}
    FROM (
      SELECT * FROM blobs.keys
      WHERE owner_id = $1 AND key > $2 AND key >= $3 AND ($4::bytea IS NULL OR key < $4)
      ORDER BY key LIMIT $5
    ) k
    JOIN blobs.objects o ON o.id = k.object_id
    ORDER BY k.key`,
};

export interface KeyRange {
  after: Buffer;
  from: Buffer;
  /** Undefined: all that come after. */
  before: Buffer | undefined;
}

/** In the order of their keys' bytes. */
export async function listBlobRows(
  database: Queryable,
  ownerId: string,
  { after, from, before }: KeyRange,
  limit: number,
): Promise<BlobRow[]> {
  const rows = await database.query<BlobColumns>(listBlobs, [ownerId, after, from, before, limit]);
  return rows.map(blobOf);
}

const selectObject: Statement = {
  name: "blobs.select-object",
  text: `SELECT ${objectColumns} FROM blobs.objects o WHERE o.id = $1`,
};

/** Also of one that is garbage, until its bytes are deleted. */
export async function findObjectRow(database: Queryable, id: string): Promise<StoredObject | undefined> {
  const [row] = await database.query<ObjectColumns>(selectObject, [id]);
  return row && objectOf(row);
}

const selectIsGarbage: Statement = {
  name: "blobs.select-is-garbage",
  text: "SELECT EXISTS (SELECT 1 FROM blobs.garbage WHERE object_id = $1) AS is_garbage",
};

export async function isGarbage(database: Queryable, id: string): Promise<boolean> {
  const [row] = await database.query<{ is_garbage: boolean }>(selectIsGarbage, [id]);
  return row!.is_garbage;
}

export interface Usage {
  bytes: number;
  blobCount: number;
}

const selectUsage: Statement = {
  name: "blobs.select-usage",
  text: "SELECT bytes, blob_count FROM blobs.usage WHERE owner_id = $1",
};

export async function readUsage(database: Queryable, ownerId: string): Promise<Usage> {
  const [row] = await database.query<{ bytes: number; blob_count: number }>(selectUsage, [ownerId]);
  return { bytes: row?.bytes ?? 0, blobCount: row?.blob_count ?? 0 };
}
