import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { IdentityInternalService } from "@parley/api/internal/identity";
import type { IdentityParts } from "#identity/parts.ts";
import { rolesOf } from "#identity/roles.ts";
import { keyHashBytes } from "#identity/session-key.ts";
import { fault } from "#platform/errors.ts";

type ResolveSessionKey = ServiceImpl<typeof IdentityInternalService>["resolveSessionKey"];

export function resolveSessionKey({ store, config, clock }: IdentityParts): ResolveSessionKey {
  return async ({ keyHash }) => {
    const isHash = keyHash.length === keyHashBytes;
    const session = isHash && (await store.sessions.byKey(Buffer.from(keyHash), new Date(clock.now())));
    if (!session) throw fault("unauthenticated", { detail: "The session id is not valid" });
    return {
      userId: session.id,
      sessionId: session.sessionId,
      roles: rolesOf(session, config),
      expiresAt: timestampFromDate(session.sessionExpiresAt),
    };
  };
}
