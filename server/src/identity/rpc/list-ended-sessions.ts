import type { ServiceImpl } from "@connectrpc/connect";
import type { IdentityInternalService } from "@parley/api/internal/identity";
import { clockSkewMs, endedSessionWindowMs } from "#identity/config.ts";
import type { IdentityParts } from "#identity/parts.ts";

type ListEndedSessions = ServiceImpl<typeof IdentityInternalService>["listEndedSessions"];

export function listEndedSessions({ store, config, clock }: IdentityParts): ListEndedSessions {
  return async () => {
    const now = clock.now();
    const since = new Date(now - endedSessionWindowMs(config));
    return { sessionIds: await store.sessions.listEnded(since, new Date(now - clockSkewMs)) };
  };
}
