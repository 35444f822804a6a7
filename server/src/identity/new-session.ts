/** What SignIn and StartSession begin. */
import { randomUUID } from "node:crypto";
import type { HandlerContext } from "@connectrpc/connect";
import { announceEnded } from "#identity/ended-sessions.ts";
import type { IdentityParts } from "#identity/parts.ts";
import { hashOf } from "#identity/refresh-token.ts";
import { createSessionKey, hashOfKey } from "#identity/session-key.ts";
import type { Credentials } from "#identity/store-accounts.ts";
import { type TokenPair, tokenPair } from "#identity/token-pair.ts";
import { fault } from "#platform/errors.ts";

/** As the settings say where nothing else is asked for. */
export interface SessionTerms {
  /** Of the first access token. */
  readonly accessTokenSeconds?: number | undefined;
  /** It is over then, however often it is refreshed. */
  readonly sessionSeconds?: number | undefined;
  readonly withKey?: boolean;
}

export interface NewlyStarted {
  readonly id: string;
  readonly pair: TokenPair;
  readonly key: string | undefined;
  readonly expiresAt: Date;
}

const msPerDay = 86_400_000;
const maxUserAgentCharacters = 256;
const maxAddressCharacters = 64;

/** The user's credentials are checked; "bad-credentials" when the password has been changed since they were read. */
export async function beginSession(
  parts: IdentityParts,
  user: Credentials,
  context: HandlerContext,
  terms: SessionTerms = {},
): Promise<NewlyStarted> {
  const { config, store, bus, clock, refreshTokens } = parts;
  const now = clock.now();
  const token = refreshTokens.first(randomUUID());
  const key = terms.withKey ? createSessionKey() : undefined;
  const { endsAt, expiresAt, firstTokenUntil } = times(config, terms, now);
  const displaced = await store.sessions.add(
    {
      id: token.sessionId,
      userId: user.id,
      passwordVersion: user.passwordVersion,
      tokenHash: hashOf(token),
      keyHash: key ? hashOfKey(key) : null,
      createdAt: new Date(now),
      expiresAt,
      endsAt,
      firstTokenUntil,
      userAgent: clientHeader(context, "parley-client-user-agent", maxUserAgentCharacters),
      address: clientHeader(context, "parley-client-address", maxAddressCharacters),
    },
    config.PARLEY_SESSIONS_PER_USER,
  );
  if (!displaced) throw fault("bad-credentials");
  announceEnded(bus, user.id, displaced);
  const pair = await tokenPair(parts, user, token, expiresAt, terms.accessTokenSeconds);
  return { id: token.sessionId, pair, key, expiresAt };
}

function times(config: IdentityParts["config"], terms: SessionTerms, now: number) {
  const { accessTokenSeconds = 0, sessionSeconds } = terms;
  const days = Math.min(config.PARLEY_REFRESH_TOKEN_DAYS, config.PARLEY_SESSION_MAX_DAYS);
  const usualEnd = now + days * msPerDay;
  const end = sessionSeconds ? now + sessionSeconds * 1_000 : undefined;
  const expires = Math.min(usualEnd, end ?? usualEnd);
  const isLong = accessTokenSeconds > config.PARLEY_ACCESS_TOKEN_SECONDS;
  return {
    expiresAt: new Date(expires),
    endsAt: end ? new Date(end) : null,
    firstTokenUntil: isLong ? new Date(Math.min(now + accessTokenSeconds * 1_000, expires)) : null,
  };
}

/** What the gateway states about the client. */
function clientHeader(context: HandlerContext, name: string, maxCharacters: number): string {
  return (context.requestHeader.get(name) ?? "").slice(0, maxCharacters);
}
