/** More would make the row that lists them, and reading across them, slow. */
export const maxPieces = 1_000;

/** What a process that is killed loses of an upload, at the most. */
const usualPieceBytes = 67_108_864;

/** How large a piece may become: of the largest uploads more, so that a client that never breaks off has room to spare. */
export function pieceBytesOf(uploadBytes: number): number {
  return Math.max(usualPieceBytes, Math.ceil(uploadBytes / (maxPieces / 2)));
}
