import { randomUUID } from "node:crypto";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { AuthService } from "@parley/api/v2/auth";
import { parseEmail } from "#identity/email.ts";
import { announceEnded } from "#identity/ended-sessions.ts";
import type { IdentityParts } from "#identity/parts.ts";
import { hashOf } from "#identity/refresh-token.ts";
import type { UserRow } from "#identity/store-users.ts";
import { tokenPair } from "#identity/token-pair.ts";
import { fault } from "#platform/errors.ts";

type SignIn = ServiceImpl<typeof AuthService>["signIn"];
type Credentials = UserRow & { passwordHash: string };

const msPerDay = 86_400_000;
const maxUserAgentCharacters = 256;
const maxAddressCharacters = 64;

/** A refusal does the same work, and answers the same, whether or not the address has an account. */
export function signIn(parts: IdentityParts): SignIn {
  return async (request, context) => {
    const emailKey = parseEmail(request.email)?.key ?? "";
    const user = await parts.store.users.credentials(emailKey);
    const matches = await parts.passwords.verify(user?.passwordHash, request.password, context.signal);
    if (!user || !matches) throw fault("bad-credentials");

    await renewPasswordHash(parts, user, request.password, context.signal);
    return startSession(parts, user, context);
  };
}

/** A hash of former parameters is replaced while the password is at hand; when that fails, the next time will do. */
async function renewPasswordHash(
  { store, passwords, log }: IdentityParts,
  user: Credentials,
  password: string,
  signal: AbortSignal,
) {
  if (!passwords.isOutdated(user.passwordHash)) return;
  try {
    const renewed = await passwords.hash(password, signal);
    await store.users.replacePasswordHash(user.id, user.passwordHash, renewed);
  } catch (error) {
    log.warn({ err: error, userId: user.id }, "an outdated password hash was not renewed");
  }
}

async function startSession(parts: IdentityParts, user: UserRow, context: HandlerContext) {
  const { config, store, bus, clock, refreshTokens } = parts;
  const now = clock.now();
  const days = Math.min(config.PARLEY_REFRESH_TOKEN_DAYS, config.PARLEY_SESSION_MAX_DAYS);
  const expiresAt = new Date(now + days * msPerDay);
  const token = refreshTokens.first(randomUUID());
  const displaced = await store.sessions.add(
    {
      id: token.sessionId,
      userId: user.id,
      tokenHash: hashOf(token),
      createdAt: new Date(now),
      expiresAt,
      userAgent: clientHeader(context, "parley-client-user-agent", maxUserAgentCharacters),
      address: clientHeader(context, "parley-client-address", maxAddressCharacters),
    },
    config.PARLEY_SESSIONS_PER_USER,
  );
  announceEnded(bus, user.id, displaced);
  return tokenPair(parts, user, token, expiresAt);
}

/** What the gateway states about the client. */
function clientHeader(context: HandlerContext, name: string, maxCharacters: number): string {
  return (context.requestHeader.get(name) ?? "").slice(0, maxCharacters);
}
