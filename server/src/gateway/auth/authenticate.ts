/** Who calls: the one place where credentials turn into a Caller, for every transport. */
import type { IncomingHttpHeaders } from "node:http";
import { accessCookie, readCookie } from "#gateway/auth/cookies.ts";
import type { EndedSessions } from "#gateway/auth/ended-sessions.ts";
import { requireSameOrigin } from "#gateway/auth/same-origin.ts";
import type { VerifyToken } from "#gateway/auth/token-verifier.ts";
import type { Caller } from "#gateway/call.ts";
import type { Clock } from "#platform/clock.ts";
import { fault } from "#platform/errors.ts";
import { createLruCache } from "#platform/lru-cache.ts";

export interface Authenticator {
  /**
   * Undefined when there are no credentials at all; bad ones throw. A cookie travels by itself, so whatever a foreign
   * page could make a browser do with it (change something, open a WebSocket) needs the page to be of this origin.
   */
  authenticate(headers: IncomingHttpHeaders, options: { changesState: boolean }): Promise<Caller | undefined>;
  authenticateToken(token: string): Promise<Caller>;
}

export interface AuthenticatorOptions {
  verifyToken: VerifyToken;
  endedSessions: Pick<EndedSessions, "has">;
  clock: Clock;
  /** As for the verification, whose results are kept until the token expires. */
  toleranceS: number;
  maxCachedTokens?: number;
}

/** Far more than a token needs; what is longer is not worth looking at. */
const maxTokenLength = 8_192;

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { verifyToken, endedSessions, clock, toleranceS, maxCachedTokens = 20_000 } = options;
  // Verifying a signature costs 100 µs, which a busy client would otherwise pay for each request.
  const verified = createLruCache<string, Caller>(maxCachedTokens);

  const authenticateToken = async (token: string): Promise<Caller> => {
    if (token.length > maxTokenLength)
      throw fault("unauthenticated", { detail: "The access token is not valid" });
    let caller = verified.get(token);
    if (!caller) {
      caller = await verifyToken(token);
      verified.set(token, caller);
    }
    if (clock.now() >= caller.tokenExpiresAt + toleranceS * 1_000) {
      verified.delete(token);
      throw fault("token-expired");
    }
    if (caller.sessionId && endedSessions.has(caller.sessionId)) {
      throw fault("unauthenticated", { detail: "This session has ended" });
    }
    return caller;
  };

  return {
    authenticateToken,
    async authenticate(headers, { changesState }) {
      if (headers.authorization !== undefined) return authenticateToken(bearerToken(headers.authorization));
      const token = readCookie(headers.cookie, accessCookie);
      if (!token) return undefined;
      if (changesState) requireSameOrigin(headers);
      return authenticateToken(token);
    },
  };
}

function bearerToken(authorization: string): string {
  const token = /^Bearer +([^\s]+) *$/i.exec(authorization)?.[1];
  if (!token) throw fault("unauthenticated", { detail: "Authorization must be: Bearer <access token>" });
  return token;
}
