import { randomBytes } from "node:crypto";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { AuthService } from "@parley/api/v2/auth";
import type { IdentityParts } from "#identity/parts.ts";
import { ticketHash } from "#identity/ws-ticket.ts";
import { requireActor } from "#platform/actor.ts";
import { fault } from "#platform/errors.ts";

type CreateWsTicket = ServiceImpl<typeof AuthService>["createWsTicket"];

const ticketBytes = 32;

export function createWsTicket({ store, config, clock }: IdentityParts): CreateWsTicket {
  return async (_request, context) => {
    const actor = requireActor(context);
    const ticket = randomBytes(ticketBytes).toString("base64url");
    const now = clock.now();
    const tokenExpiresAtMs = tokenExpiry(context) ?? now + config.PARLEY_ACCESS_TOKEN_SECONDS * 1_000;
    const added = await store.wsTickets.add({
      ticketHash: ticketHash(ticket),
      userId: actor.userId,
      sessionId: actor.sessionId || null,
      roles: [...actor.roles],
      tokenExpiresAt: new Date(tokenExpiresAtMs),
      expiresAt: new Date(now + config.PARLEY_WS_TICKET_SECONDS * 1_000),
      now: new Date(now),
    });
    if (!added) throw fault("unauthenticated");
    return { ticket };
  };
}

/** When the caller's access token expires, as the gateway states it. */
function tokenExpiry(context: HandlerContext): number | undefined {
  const seconds = context.requestHeader.get("parley-token-expires") ?? "";
  return /^\d{1,11}$/.test(seconds) ? Number(seconds) * 1_000 : undefined;
}
