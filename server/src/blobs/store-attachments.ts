/** What messages hold on to; the functions' bodies are in migrations/0004-attachments.sql. */
import type { WrittenObject } from "#blobs/objects/objects.ts";
import type { Queryable, Statement } from "#platform/database.ts";

export interface Attach {
  id: string;
  ownerId: string;
  key: Buffer;
}

export interface AttachedObject {
  objectId: string;
  size: number;
  sha256: Buffer;
  contentType: string;
}

const attachBlobs: Statement = {
  name: "blobs.attach-blobs",
  text: `SELECT object_id AS "objectId", size, sha256, content_type AS "contentType"
    FROM blobs.attach_blobs($1::uuid[], $2::uuid[], $3::bytea[])`,
};

type NullableObject = { [Name in keyof AttachedObject]: AttachedObject[Name] | null };

/** In the order given; undefined: there is no such blob. */
export async function storeAttachments(
  database: Queryable,
  attach: readonly Attach[],
): Promise<Array<AttachedObject | undefined>> {
  const rows = await database.query<NullableObject>(attachBlobs, [
    attach.map(({ id }) => id),
    attach.map(({ ownerId }) => ownerId),
    attach.map(({ key }) => key),
  ]);
  return rows.map((row) => (row.objectId === null ? undefined : (row as AttachedObject)));
}

export interface HeldAttachment {
  objectId: string;
  /** Undefined: nobody has looked yet. */
  prepared: { width: number; height: number; thumbnail: HeldThumbnail | undefined } | undefined;
}

export interface HeldThumbnail {
  objectId: string;
  size: number;
  sha256: Uint8Array;
}

const selectAttachment: Statement = {
  name: "blobs.select-attachment",
  text: `SELECT a.object_id, a.width, a.height, o.id, o.size, o.sha256
    FROM blobs.attachments a LEFT JOIN blobs.objects o ON o.id = a.thumbnail_object_id
    WHERE a.id = $1`,
};

type AttachmentColumns = [
  objectId: string,
  width: number | null,
  height: number | null,
  thumbnailId: string | null,
  thumbnailSize: number | null,
  thumbnailSha256: Buffer | null,
];

/** Undefined: it is not held. */
export async function findHeld(database: Queryable, id: string): Promise<HeldAttachment | undefined> {
  const [row] = await database.queryArrays<AttachmentColumns>(selectAttachment, [id]);
  if (!row) return undefined;
  const [objectId, width, height, thumbnailId, size, sha256] = row;
  if (width === null) return { objectId, prepared: undefined };
  const thumbnail =
    thumbnailId === null ? undefined : { objectId: thumbnailId, size: size!, sha256: sha256! };
  return { objectId, prepared: { width, height: height!, thumbnail } };
}

const prepareAttachment: Statement = {
  name: "blobs.prepare-attachment",
  text: `SELECT blobs.prepare_attachment($1, $2, $3, $4, $5, $6) AS "isPrepared"`,
};

/** False: somebody was faster, or it is not held any more; then nothing refers to the thumbnail. */
export async function storePrepared(
  database: Queryable,
  id: string,
  found: { width: number; height: number; thumbnail: WrittenObject | undefined },
): Promise<boolean> {
  const { width, height, thumbnail } = found;
  const [row] = await database.query<{ isPrepared: boolean }>(prepareAttachment, [
    id,
    width,
    height,
    thumbnail?.id,
    thumbnail?.size,
    thumbnail?.sha256,
  ]);
  return row!.isPrepared;
}

const releaseAttachments: Statement = {
  name: "blobs.release-attachments",
  text: "SELECT blobs.release_attachments($1::uuid[])",
};

export async function storeRelease(database: Queryable, ids: readonly string[]): Promise<void> {
  await database.query(releaseAttachments, [ids]);
}
