/** More would make the row that lists them, and reading across them, slow. */
export const maxPieces = 1_000;

const firstPieceMs = 5_000;
const maxPieceMs = 300_000;
const piecesOfOneLength = 100;

/**
 * How long the next piece may take: short, since who appends slowly keeps the store's memory for as long; longer when there are many
 * already, so that a slow line does not use them up before the upload's end.
 */
export function pieceMsOf(pieceCount: number): number {
  return Math.min(maxPieceMs, firstPieceMs * 2 ** Math.floor(pieceCount / piecesOfOneLength));
}

export const longestPieceMs = maxPieceMs;

/** What a process that is killed loses of an upload, at the most. */
const usualPieceBytes = 67_108_864;

/** How large a piece may become: of the largest uploads more, so that a client that never breaks off has room to spare. */
export function pieceBytesOf(uploadBytes: number): number {
  return Math.max(usualPieceBytes, Math.ceil(uploadBytes / (maxPieces / 2)));
}
