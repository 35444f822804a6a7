import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { AuthService } from "@parley/api/v2/auth";
import type { IdentityParts } from "#identity/parts.ts";
import { requireActor } from "#platform/actor.ts";

type ListSessions = ServiceImpl<typeof AuthService>["listSessions"];

export function listSessions({ store, clock }: IdentityParts): ListSessions {
  return async (_request, context) => {
    const actor = requireActor(context);
    const rows = await store.sessions.listLive(actor.userId, new Date(clock.now()));
    const sessions = rows.map((row) => ({
      id: row.id,
      createdAt: timestampFromDate(row.createdAt),
      lastUsedAt: timestampFromDate(row.lastUsedAt),
      expiresAt: timestampFromDate(row.expiresAt),
      userAgent: row.userAgent,
      address: row.address,
      current: row.id === actor.sessionId,
    }));
    return { sessions };
  };
}
