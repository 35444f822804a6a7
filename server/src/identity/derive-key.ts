import { hkdfSync } from "node:crypto";

/** A 32-byte key for one purpose out of the master secret (HKDF-SHA256, RFC 5869). A purpose is never used twice. */
export function deriveKey(secretKey: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secretKey, "", `parley identity ${purpose}`, 32));
}
