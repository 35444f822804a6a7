/** Verifies access tokens: Parley's own, and those of an outside issuer where one is configured. */
import { createRemoteJWKSet, decodeJwt, errors, type JWTPayload, jwtVerify } from "jose";
import { createSigningKeys } from "#gateway/auth/signing-keys.ts";
import type { Caller } from "#gateway/call.ts";
import type { GatewayClients } from "#gateway/clients.ts";
import type { GatewayConfig } from "#gateway/config.ts";
import type { Clock } from "#platform/clock.ts";
import { fault } from "#platform/errors.ts";

/** Throws "unauthenticated", "token-expired", or "unavailable" when keys cannot be had. */
export type VerifyToken = (token: string) => Promise<Caller>;

export interface TokenVerifierOptions {
  config: GatewayConfig;
  clients: Pick<GatewayClients, "auth" | "identity">;
  clock: Clock;
}

/** A token's header chooses among these and nothing else: neither "none" nor any HMAC. */
const ownAlgorithms = ["EdDSA", "Ed25519"];
const outsideAlgorithms = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];

export function createTokenVerifier(options: TokenVerifierOptions): VerifyToken {
  const verifyOwn = ownTokens(options);
  const outside = outsideTokens(options);
  return async (token) => {
    try {
      const isOutside = outside && decodeJwt(token).iss === outside.issuer;
      return await (isOutside ? outside.verify(token) : verifyOwn(token));
    } catch (error) {
      throw toAuthFault(error);
    }
  };
}

function ownTokens({ config, clients, clock }: TokenVerifierOptions): VerifyToken {
  const findKey = createSigningKeys(clients.auth);
  return async (token) => {
    const { payload } = await jwtVerify(token, findKey, {
      algorithms: ownAlgorithms,
      // RFC 9068, section 4: no other kind of JWT passes for an access token.
      typ: "at+jwt",
      issuer: config.PARLEY_ISSUER,
      audience: config.PARLEY_AUDIENCE,
      clockTolerance: config.PARLEY_TOKEN_TOLERANCE_S,
      currentDate: new Date(clock.now()),
      requiredClaims: ["sub", "sid", "exp"],
    });
    const { sub, sid, roles } = payload;
    if (typeof sid !== "string" || !sid || !sub) throw new errors.JWTInvalid("sub and sid are needed");
    return caller(payload, sub, sid, Array.isArray(roles) ? roles.filter((r) => typeof r === "string") : []);
  };
}

const jwksTimeoutMs = 5_000;
const jwksCooldownMs = 10_000;

function outsideTokens({ config, clients, clock }: TokenVerifierOptions) {
  const { PARLEY_EXTERNAL_JWKS_URL: url, PARLEY_EXTERNAL_ISSUER: issuer } = config;
  const audience = config.PARLEY_EXTERNAL_AUDIENCE;
  if (!url || !issuer || !audience) {
    if (url || issuer || audience)
      throw new Error("PARLEY_EXTERNAL_JWKS_URL, _ISSUER and _AUDIENCE go together");
    return undefined;
  }
  const keys = createRemoteJWKSet(new URL(url), {
    timeoutDuration: jwksTimeoutMs,
    cooldownDuration: jwksCooldownMs,
  });
  const verify: VerifyToken = async (token) => {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: outsideAlgorithms,
      issuer,
      audience,
      clockTolerance: config.PARLEY_TOKEN_TOLERANCE_S,
      currentDate: new Date(clock.now()),
      requiredClaims: ["sub", "exp"],
    });
    const name = typeof payload.name === "string" ? payload.name : "";
    const subject = payload.sub ?? "";
    if (!subject) throw new errors.JWTInvalid("sub is needed");
    const { userId } = await clients.identity.resolveExternalUser({ issuer, subject, name });
    // An outside issuer's roles mean nothing here.
    return caller(payload, userId, "", []);
  };
  return { issuer, verify };
}

function caller(payload: JWTPayload, userId: string, sessionId: string, roles: readonly string[]): Caller {
  return { userId, sessionId, roles, tokenExpiresAt: (payload.exp ?? 0) * 1_000 };
}

function toAuthFault(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return fault("token-expired", { cause: error });
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) {
    return fault("unavailable", { cause: error });
  }
  if (error instanceof errors.JOSEError && error.code !== "ERR_JOSE_GENERIC") {
    return fault("unauthenticated", { detail: "The access token is not valid", cause: error });
  }
  // The JWKS of an outside issuer cannot be fetched; faults of identity pass as they are.
  return error instanceof Error && "findDetails" in error ? error : fault("unavailable", { cause: error });
}
