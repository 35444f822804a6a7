/** Access tokens: signed JWTs as RFC 9068 describes them. */
import { randomUUID } from "node:crypto";
import { SignJWT } from "jose";
import type { IdentityConfig } from "#identity/config.ts";
import type { SigningKeys } from "#identity/signing-keys.ts";
import type { Clock } from "#platform/clock.ts";

/**
 * Deprecated by RFC 9864 in favour of "Ed25519", but the name that verifiers know: many leave out a published key
 * whose alg they do not know. With an Ed25519 key both mean the same signature.
 */
export const signatureAlgorithm = "EdDSA";

export interface TokenSubject {
  readonly userId: string;
  readonly sessionId: string;
  readonly roles: readonly string[];
  /** A token never outlives its session. */
  readonly sessionExpiresAtMs: number;
  /** For how long it is valid; the setting's when absent. */
  readonly seconds?: number;
}

export interface AccessToken {
  readonly text: string;
  /** Seconds. */
  readonly expiresIn: number;
}

export interface AccessTokens {
  issue(subject: TokenSubject): Promise<AccessToken>;
}

export function createAccessTokens(options: {
  config: IdentityConfig;
  keys: SigningKeys;
  clock: Clock;
}): AccessTokens {
  const { config, keys, clock } = options;
  return {
    async issue({
      userId,
      sessionId,
      roles,
      sessionExpiresAtMs,
      seconds = config.PARLEY_ACCESS_TOKEN_SECONDS,
    }) {
      const { kid, privateKey } = await keys.signer();
      const now = Math.floor(clock.now() / 1_000);
      const expires = Math.min(now + seconds, Math.floor(sessionExpiresAtMs / 1_000));
      const text = await new SignJWT({
        iss: config.PARLEY_ISSUER,
        aud: config.PARLEY_AUDIENCE,
        sub: userId,
        sid: sessionId,
        client_id: "parley",
        jti: randomUUID(),
        iat: now,
        exp: expires,
        ...(roles.length > 0 ? { roles } : {}),
      })
        .setProtectedHeader({ alg: signatureAlgorithm, typ: "at+jwt", kid })
        .sign(privateKey);
      return { text, expiresIn: Math.max(0, expires - now) };
    },
  };
}
