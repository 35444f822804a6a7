/**
 * What a service is shown on each call from another process: a short-lived JWT, signed with a key made from
 * PARLEY_SERVICE_TOKEN, that says which service it is for and who the end user is. Within a process the same statement
 * travels unsigned (platform/actor.ts); the wire puts the signature on and takes it off. See docs/decisions/0025-roles-apart.md.
 */
import { hkdfSync } from "node:crypto";
import { errors, jwtVerify, SignJWT } from "jose";
import { actorHeader } from "#platform/actor.ts";
import type { Clock } from "#platform/clock.ts";
import { fault } from "#platform/errors.ts";
import { createLruCache } from "#platform/lru-cache.ts";
import type { PlainHeaders } from "#platform/wire/grpc-headers.ts";

export interface CredentialOptions {
  /** The first one signs, all of them are accepted: so a token can be replaced without a pause. */
  serviceTokens: readonly string[];
  clock: Clock;
}

const algorithm = "HS256";
const issuer = "parley";
const typ = "parley-service+jwt";
const lifetimeMs = 120_000;
const renewAfterMs = 30_000;
const toleranceS = 10;
const maxCached = 20_000;

const toKey = (token: string) =>
  new Uint8Array(hkdfSync("sha256", token, "", "parley service credentials", 32));

/** Replaces what the headers state in the plain by the signed statement. */
export type SignHeaders = (headers: PlainHeaders) => Promise<void>;

export function createSignHeaders(
  audience: string,
  { serviceTokens, clock }: CredentialOptions,
): SignHeaders {
  const key = toKey(serviceTokens[0]!);
  const signed = createLruCache<string, { token: string; renewAtMs: number }>(maxCached);
  return async (headers) => {
    const actor = headers[actorHeader] ?? "";
    delete headers[actorHeader];
    let known = signed.get(actor);
    const nowMs = clock.now();
    // A clock that was put back must not make a statement live on.
    if (!known || nowMs >= known.renewAtMs || nowMs < known.renewAtMs - renewAfterMs) {
      const token = await new SignJWT({ act: actor })
        .setProtectedHeader({ alg: algorithm, typ })
        .setIssuer(issuer)
        .setAudience(audience)
        .setExpirationTime(new Date(nowMs + lifetimeMs))
        .sign(key);
      known = { token, renewAtMs: nowMs + renewAfterMs };
      signed.set(actor, known);
    }
    headers.authorization = `Bearer ${known.token}`;
  };
}

/** Replaces the signed statement by what it states. Throws "service-refused" when there is none that counts. */
export type VerifyHeaders = (headers: PlainHeaders) => Promise<void>;

export function createVerifyHeaders(
  audiences: readonly string[],
  { serviceTokens, clock }: CredentialOptions,
): VerifyHeaders {
  const keys = serviceTokens.map(toKey);
  const verified = createLruCache<string, { actor: string; expiresAtMs: number }>(maxCached);
  const verify = async (token: string) => {
    const { actor, expiresAtMs } = await verifyWithAny(keys, token, { audiences, clock });
    const known = { actor, expiresAtMs };
    verified.set(token, known);
    return known;
  };
  return async (headers) => {
    // Whoever sends it unsigned is not believed.
    delete headers[actorHeader];
    const token = /^Bearer (\S+)$/.exec(headers.authorization ?? "")?.[1];
    if (!token) throw fault("service-refused", { detail: "A service credential is needed" });
    delete headers.authorization;
    const { actor, expiresAtMs } = verified.get(token) ?? (await verify(token));
    if (clock.now() >= expiresAtMs + toleranceS * 1_000) {
      throw fault("service-refused", { detail: "The service credential has expired" });
    }
    if (actor) headers[actorHeader] = actor;
  };
}

interface VerifyRules {
  audiences: readonly string[];
  clock: Clock;
}

async function verifyWithAny(keys: readonly Uint8Array[], token: string, { audiences, clock }: VerifyRules) {
  let cause: unknown;
  for (const key of keys) {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [algorithm],
        typ,
        issuer,
        audience: [...audiences],
        clockTolerance: toleranceS,
        currentDate: new Date(clock.now()),
        requiredClaims: ["exp", "act"],
      });
      return { actor: String(payload.act), expiresAtMs: (payload.exp ?? 0) * 1_000 };
    } catch (error) {
      cause = error;
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) break;
    }
  }
  throw fault("service-refused", { detail: "The service credential is not valid", cause });
}
