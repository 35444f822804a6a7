/**
 * Bytes of a resumable upload become pieces: immutable objects of the store, each of which counts once the row of its
 * upload says so. That row is changed only if it stands where the piece begins, so of two appends at once one counts.
 */
import { objectName } from "#blobs/objects/object-name.ts";
import type { IncomingBytes } from "#blobs/uploads/incoming-bytes.ts";
import { longestPieceMs, maxPieces, pieceBytesOf, pieceMsOf } from "#blobs/uploads/piece-size.ts";
import { addLastPiece, addPieceOnly, type Progress } from "#blobs/uploads/progress.ts";
import { restoreHash } from "#blobs/uploads/restore-hash.ts";
import type { ResumableSha256 } from "#blobs/uploads/resumable-sha256.ts";
import type { UploadParts } from "#blobs/uploads/upload-parts.ts";
import type { UploadRow } from "#blobs/uploads/upload-row.ts";
import { fault } from "#platform/errors.ts";

/** Not the client's patience: what came until it went is kept. */
const maxWriteMs = 2 * longestPieceMs;
const maxRestoreMs = 600_000;

export interface Append {
  upload: UploadRow;
  bytes: IncomingBytes;
}

/** Resolves to the upload as it stands once the bytes have ended or broken off. What was refused is not kept. */
export async function append(parts: UploadParts, { upload, bytes }: Append): Promise<UploadRow> {
  const from = upload.received;
  let hash: ResumableSha256 | undefined;
  let standing = upload;
  // One of which all bytes are there ends with a piece of none.
  while (!standing.doneAt && (standing.received === standing.size || (await bytes.hasMore()))) {
    if (standing.pieces.length >= maxPieces) throw tooManyPieces();
    hash ??= await restoreHash(parts.store, upload, AbortSignal.timeout(maxRestoreMs));
    standing = await appendPiece(parts, { standing, from, bytes, hash });
  }
  return standing;
}

interface PieceAppend {
  standing: UploadRow;
  /** Where the append began. */
  from: number;
  bytes: IncomingBytes;
  hash: ResumableSha256;
}

async function appendPiece(parts: UploadParts, piece: PieceAppend): Promise<UploadRow> {
  const { store, newObjectId, log } = parts;
  const { standing, from, hash } = piece;
  const id = newObjectId();
  const name = objectName(id);
  const counted = countPiece(parts, piece);
  await store.write(name, counted.bytes, { size: undefined, signal: AbortSignal.timeout(maxWriteMs) });
  const progress: Progress = {
    upload: standing,
    piece: { id, size: counted.size, hashState: hash.save(), appendFrom: from },
  };
  const isLast = standing.received + counted.size === standing.size;
  const discard = () =>
    store.delete([name]).catch((error) => log.debug({ err: error }, "a piece is left for the sweep"));
  return await (isLast
    ? addLastPiece(parts, progress, hash.digest(), discard)
    : addPieceOnly(parts, progress, discard));
}

/** The piece's bytes, hashed on their way; they throw where there are more than the upload may have. */
function countPiece({ config }: UploadParts, { standing, bytes, hash }: PieceAppend) {
  const { size, received } = standing;
  const left = (size ?? config.PARLEY_BLOB_MAX_BYTES) - received;
  const maxBytes = Math.min(left, pieceBytesOf(size ?? config.PARLEY_BLOB_MAX_BYTES));
  const untilMs = performance.now() + pieceMsOf(standing.pieces.length);
  const counted = { size: 0, bytes: read() };
  async function* read() {
    for await (const chunk of bytes.take({ maxBytes, untilMs })) {
      hash.update(chunk);
      counted.size += chunk.length;
      yield chunk;
    }
    if (counted.size < left || !(await bytes.hasMore())) return;
    throw size === null
      ? fault("too-large", { detail: `A blob may have at most ${config.PARLEY_BLOB_MAX_BYTES} bytes` })
      : fault("malformed-request", { detail: "There are more bytes than the upload was to have" });
  }
  return counted;
}

function tooManyPieces() {
  const detail = `The upload has come in ${maxPieces} parts, which is as many as may be: begin anew, and append more at a time`;
  return fault("invalid-input", { detail });
}
