import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { IdentityInternalService } from "@parley/api/internal/identity";
import type { IdentityParts } from "#identity/parts.ts";
import { rolesOf } from "#identity/roles.ts";
import { keyHashBytes } from "#identity/session-key.ts";
import { fault } from "#platform/errors.ts";

type ResolveSessionKey = ServiceImpl<typeof IdentityInternalService>["resolveSessionKey"];

/** When a session was used is shown to its user, and says which ends when there are too many. It need not be exact. */
const noteEveryMs = 600_000;

export function resolveSessionKey(parts: IdentityParts): ResolveSessionKey {
  const { store, config, clock } = parts;
  return async ({ keyHash }) => {
    const now = new Date(clock.now());
    const isHash = keyHash.length === keyHashBytes;
    const session = isHash && (await store.sessions.byKey(Buffer.from(keyHash), now));
    if (!session) throw fault("unauthenticated", { detail: "The session id is not valid" });
    if (now.getTime() - session.lastUsedAt.getTime() >= noteEveryMs)
      await noteUse(parts, session.sessionId, now);
    return {
      userId: session.id,
      sessionId: session.sessionId,
      roles: rolesOf(session, config),
      expiresAt: timestampFromDate(session.sessionExpiresAt),
    };
  };
}

/** The session is good whether or not that can be written down. */
async function noteUse({ store, log }: IdentityParts, sessionId: string, now: Date): Promise<void> {
  try {
    await store.sessions.noteUse(sessionId, now);
  } catch (error) {
    log.warn({ err: error, sessionId }, "the use of a session was not noted");
  }
}
