/**
 * SHA-256 whose state can be written down between two appends, which node:crypto's cannot. A sixth as fast: see
 * docs/decisions/0037-resumable-uploads.md.
 */
import { createSHA256 } from "hash-wasm";

export interface ResumableSha256 {
  update(bytes: Uint8Array): void;
  /** What was hashed so far. Holds up to 64 of the bytes themselves. */
  save(): Uint8Array;
  /** 32 bytes; nothing can be added afterwards. */
  digest(): Uint8Array;
}

/**
 * Goes on where `state` was saved, or begins. A state begins with the checksum of the code that made it: what another
 * version of the library has saved is refused, and undefined is answered.
 */
export async function resumeSha256(state: Uint8Array | undefined): Promise<ResumableSha256 | undefined> {
  const hash = await createSHA256();
  hash.init();
  try {
    // A copy, since load() reads the memory behind a view from its beginning.
    if (state) hash.load(Uint8Array.from(state));
  } catch {
    return undefined;
  }
  return {
    update: (bytes) => void hash.update(bytes),
    save: () => hash.save(),
    digest: () => hash.digest("binary"),
  };
}
