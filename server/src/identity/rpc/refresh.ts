import type { ServiceImpl } from "@connectrpc/connect";
import type { AuthService } from "@parley/api/v2/auth";
import { announceEnded } from "#identity/ended-sessions.ts";
import type { IdentityParts } from "#identity/parts.ts";
import { hashOf, type RefreshToken } from "#identity/refresh-token.ts";
import type { RefreshedRow } from "#identity/store-sessions.ts";
import { tokenPair } from "#identity/token-pair.ts";
import { fault } from "#platform/errors.ts";

type Refresh = ServiceImpl<typeof AuthService>["refresh"];

const msPerDay = 86_400_000;

/**
 * A session has exactly one due refresh token. It is traded for its successor; the one before it gets the same
 * successor again within the grace (the client lost the answer, or asked twice); any other that was once given out
 * has been stolen or its session copied, so the session ends (RFC 9700, section 4.14.2).
 *
 * Each step is one statement that checks and changes at once, so that calls on several pods cannot come between.
 */
export function refresh(parts: IdentityParts): Refresh {
  return async (request) => {
    const token = parts.refreshTokens.parse(request.refreshToken);
    if (!token) throw fault("refresh-token-invalid");
    const successor = parts.refreshTokens.successor(token);

    const session = await trade(parts, token, successor);
    if (session) return tokenPair(parts, session, successor, session.sessionExpiresAt);

    await endIfReused(parts, token);
    throw fault("refresh-token-invalid");
  };
}

async function trade(
  { store, config, clock }: IdentityParts,
  token: RefreshToken,
  successor: RefreshToken,
): Promise<RefreshedRow | undefined> {
  const turn = {
    sessionId: token.sessionId,
    tokenHash: hashOf(token),
    successorHash: hashOf(successor),
    now: new Date(clock.now()),
  };
  const rotated = await store.sessions.rotate({
    ...turn,
    expiresAt: new Date(clock.now() + config.PARLEY_REFRESH_TOKEN_DAYS * msPerDay),
    maxDays: config.PARLEY_SESSION_MAX_DAYS,
  });
  return rotated ?? store.sessions.justRotated({ ...turn, since: graceBegan({ config, clock }) });
}

async function endIfReused({ store, bus, config, clock, log }: IdentityParts, token: RefreshToken) {
  const { sessionId } = token;
  const userId = await store.sessions.endReused({
    sessionId,
    tokenHash: hashOf(token),
    since: graceBegan({ config, clock }),
    now: new Date(clock.now()),
  });
  if (!userId) return;
  announceEnded(bus, userId, [sessionId]);
  log.warn({ userId, sessionId }, "a used refresh token came again: its session was ended");
}

function graceBegan({ config, clock }: Pick<IdentityParts, "config" | "clock">): Date {
  return new Date(clock.now() - config.PARLEY_REFRESH_GRACE_SECONDS * 1_000);
}
