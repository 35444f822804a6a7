/**
 * Refresh tokens: base64url of session id (16 bytes), secret (32), tag (16). Clients take them as opaque.
 *
 * The successor of a token is computed from it, with a key that only the server has. So a client that lost the
 * answer gets the very same successor when it tries again, from any pod, and nobody can compute it who has only
 * the database or only an old token. The tag tells a token that was once given out from an invented one: only the
 * former may end a session.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { deriveKey } from "#identity/derive-key.ts";
import { uuidOfBytes } from "#platform/uuid.ts";

export interface RefreshToken {
  readonly sessionId: string;
  readonly secret: Buffer;
  /** What the client holds. */
  readonly text: string;
}

export interface RefreshTokens {
  first(sessionId: string): RefreshToken;
  /** Undefined when the text is no token that this secret key ever gave out. */
  parse(text: string): RefreshToken | undefined;
  successor(token: RefreshToken): RefreshToken;
}

const idBytes = 16;
const secretBytes = 32;
const tagBytes = 16;

/** What the database keeps of a token. A fast hash is enough: the secret is 256 random bits. */
export function hashOf(token: RefreshToken): Buffer {
  return createHash("sha256").update(token.secret).digest();
}

export function createRefreshTokens(secretKey: Uint8Array): RefreshTokens {
  const tagKey = deriveKey(secretKey, "refresh token tag");
  const successorKey = deriveKey(secretKey, "refresh token successor");
  const tagOf = (body: Buffer) => createHmac("sha256", tagKey).update(body).digest().subarray(0, tagBytes);
  const build = (sessionId: string, secret: Buffer): RefreshToken => {
    const body = Buffer.concat([Buffer.from(sessionId.replaceAll("-", ""), "hex"), secret]);
    return { sessionId, secret, text: Buffer.concat([body, tagOf(body)]).toString("base64url") };
  };
  return {
    first: (sessionId) => build(sessionId, randomBytes(secretBytes)),
    parse(text) {
      const bytes = Buffer.from(text, "base64url");
      if (bytes.length !== idBytes + secretBytes + tagBytes) return undefined;
      const body = bytes.subarray(0, idBytes + secretBytes);
      if (!timingSafeEqual(bytes.subarray(body.length), tagOf(body))) return undefined;
      return { sessionId: uuidOfBytes(body.subarray(0, idBytes)), secret: body.subarray(idBytes), text };
    },
    successor({ sessionId, secret }) {
      return build(sessionId, createHmac("sha256", successorKey).update(sessionId).update(secret).digest());
    },
  };
}
