/** What has come of an upload is written down: a piece, or the size that its client has said by and by, or its end. */
import { addPiece, declareSize, findUpload, lockUsage, type NewPiece } from "#blobs/store-uploads.ts";
import { finishAs } from "#blobs/uploads/finish.ts";
import { requireFit, reserve } from "#blobs/uploads/quota.ts";
import type { UploadParts } from "#blobs/uploads/upload-parts.ts";
import type { UploadRow } from "#blobs/uploads/upload-row.ts";
import type { Queryable } from "#platform/database.ts";
import { fault } from "#platform/errors.ts";

export interface Progress {
  /** As it stood when the piece was begun. */
  upload: UploadRow;
  piece: NewPiece;
}

/** Rejects with "upload-offset-mismatch" and "quota-exceeded"; then the piece is discarded. */
export function addPieceOnly(
  parts: UploadParts,
  progress: Progress,
  discard: () => Promise<void>,
): Promise<UploadRow> {
  const { ownerId, size } = progress.upload;
  return written(parts, progress, discard, async (tx) => {
    // Of an upload whose size is not known, what has come counts.
    if (size === null) await reserve(tx, { ownerId, bytes: progress.piece.size, config: parts.config });
    return await add(tx, parts, progress);
  });
}

/** As addPieceOnly; and with it the upload is the blob of its key. */
export function addLastPiece(
  parts: UploadParts,
  progress: Progress,
  sha256: Uint8Array,
  discard: () => Promise<void>,
): Promise<UploadRow> {
  const { upload } = progress;
  return written(parts, progress, discard, async (tx) => {
    await lockUsage(tx, upload.ownerId);
    if (!(await add(tx, parts, progress))) return undefined;
    return await finishAs(tx, parts.config, upload.id, (locked) => wholeOf(locked, sha256));
  });
}

function add(tx: Queryable, { config }: UploadParts, { upload, piece }: Progress) {
  return addPiece(tx, upload, piece, config.PARLEY_BLOB_UPLOAD_EXPIRY_HOURS);
}

/** A piece alone is an object by itself. */
function wholeOf({ objectId, pieces, pieceSizes, received }: UploadRow, sha256: Uint8Array) {
  if (pieces.length === 1) return { id: pieces[0]!, size: received, sha256 };
  return {
    id: objectId,
    size: received,
    sha256,
    pieces: pieces.map((id, index) => ({ id, size: pieceSizes[index]! })),
  };
}

/** `work` answers undefined when the upload does not stand where it did. */
async function written(
  { database }: UploadParts,
  { upload }: Progress,
  discard: () => Promise<void>,
  work: (tx: Queryable) => Promise<UploadRow | undefined>,
): Promise<UploadRow> {
  let refusal: unknown;
  try {
    return await database.transaction(async (tx) => {
      try {
        const row = await work(tx);
        if (row) return row;
        refusal = await standsElsewhere(tx, upload);
      } catch (error) {
        refusal = error;
      }
      throw refusal;
    });
  } catch (error) {
    // Nobody knows what has become of a commit that was not answered: the piece may be part of the upload.
    if (error === refusal) await discard();
    throw error;
  }
}

async function standsElsewhere(tx: Queryable, upload: UploadRow): Promise<unknown> {
  return (await findUpload(tx, upload)) ? fault("upload-offset-mismatch") : fault("upload-not-found");
}

/** Of an upload whose size was not said before. Rejects with "too-large", "quota-exceeded" and "invalid-input". */
export async function saySize(
  { config, database }: UploadParts,
  upload: UploadRow,
  size: number,
): Promise<void> {
  requireFit(size, config);
  const { id, ownerId, received } = upload;
  if (size < received) throw fault("invalid-input", { detail: `The upload has ${received} bytes already` });
  await database.transaction(async (tx) => {
    const before = await lockUsage(tx, ownerId).then(() => declareSize(tx, id, size));
    if (before === undefined) return;
    await reserve(tx, { ownerId, bytes: size - before, config });
  });
}
