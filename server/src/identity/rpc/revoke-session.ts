import type { ServiceImpl } from "@connectrpc/connect";
import type { AuthService } from "@parley/api/v2/auth";
import { announceEnded } from "#identity/ended-sessions.ts";
import type { IdentityParts } from "#identity/parts.ts";
import { requireActor } from "#platform/actor.ts";
import { fault } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";

type RevokeSession = ServiceImpl<typeof AuthService>["revokeSession"];

export function revokeSession({ store, bus, clock }: IdentityParts): RevokeSession {
  return async (request, context) => {
    const { userId } = requireActor(context);
    const sessionId = request.id.toLowerCase();
    const ended = isUuid(sessionId) && (await store.sessions.end(sessionId, userId, new Date(clock.now())));
    if (!ended) throw fault("session-not-found");
    announceEnded(bus, userId, [sessionId]);
    return {};
  };
}
