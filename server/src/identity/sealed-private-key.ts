/** Private keys as they lie in the database: AES-256-GCM, bound to their key id. Nonce (12 bytes), text, tag (16). */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { deriveKey } from "#identity/derive-key.ts";

export interface PrivateKeySealer {
  seal(kid: string, privateKey: Buffer): Buffer;
  /** Undefined when it was sealed under another master secret or for another key, or was changed. */
  open(kid: string, sealed: Buffer): Buffer | undefined;
}

const algorithm = "aes-256-gcm";
const nonceBytes = 12;
const tagBytes = 16;

export function createPrivateKeySealer(secretKey: Uint8Array): PrivateKeySealer {
  const key = deriveKey(secretKey, "signing key sealing");
  return {
    seal(kid, privateKey) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, key, nonce).setAAD(Buffer.from(kid));
      return Buffer.concat([nonce, cipher.update(privateKey), cipher.final(), cipher.getAuthTag()]);
    },
    open(kid, sealed) {
      try {
        const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes), {
          authTagLength: tagBytes,
        });
        decipher.setAAD(Buffer.from(kid)).setAuthTag(sealed.subarray(-tagBytes));
        return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()]);
      } catch {
        return undefined;
      }
    },
  };
}
