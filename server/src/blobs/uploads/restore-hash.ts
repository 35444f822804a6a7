/** The hash of what an upload has received: as it was saved, else made anew from the bytes in the store. */
import { objectName } from "#blobs/objects/object-name.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { type ResumableSha256, resumeSha256 } from "#blobs/uploads/resumable-sha256.ts";
import type { UploadRow } from "#blobs/uploads/upload-row.ts";

export async function restoreHash(
  store: ObjectStore,
  { pieces, pieceSizes, hashState }: UploadRow,
  signal: AbortSignal,
): Promise<ResumableSha256> {
  const saved = await resumeSha256(hashState ?? undefined);
  if (saved) return saved;
  const hash = (await resumeSha256(undefined))!;
  for (const [index, piece] of pieces.entries()) {
    const whole = { offset: 0, length: pieceSizes[index]! };
    for await (const chunk of await store.read(objectName(piece), whole, signal)) hash.update(chunk);
  }
  return hash;
}
