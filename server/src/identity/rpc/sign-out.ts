import type { ServiceImpl } from "@connectrpc/connect";
import type { AuthService } from "@parley/api/v2/auth";
import { announceEnded } from "#identity/ended-sessions.ts";
import type { IdentityParts } from "#identity/parts.ts";
import { requireActor } from "#platform/actor.ts";

type SignOut = ServiceImpl<typeof AuthService>["signOut"];

/** Signing out twice is no error; a user of an outside issuer has no session here to end. */
export function signOut({ store, bus, clock }: IdentityParts): SignOut {
  return async (_request, context) => {
    const { userId, sessionId } = requireActor(context);
    if (sessionId && (await store.sessions.end(sessionId, userId, new Date(clock.now())))) {
      announceEnded(bus, userId, [sessionId]);
    }
    return {};
  };
}
