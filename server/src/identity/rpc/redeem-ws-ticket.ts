import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { IdentityInternalService } from "@parley/api/internal/identity";
import type { IdentityParts } from "#identity/parts.ts";
import { ticketHash } from "#identity/ws-ticket.ts";
import { fault } from "#platform/errors.ts";

type RedeemWsTicket = ServiceImpl<typeof IdentityInternalService>["redeemWsTicket"];

export function redeemWsTicket({ store, clock }: IdentityParts): RedeemWsTicket {
  return async (request) => {
    const ticket = await store.wsTickets.redeem(ticketHash(request.ticket), new Date(clock.now()));
    if (!ticket) throw fault("ticket-invalid");
    return {
      userId: ticket.userId,
      sessionId: ticket.sessionId ?? "",
      roles: ticket.roles,
      expiresAt: timestampFromDate(ticket.tokenExpiresAt),
    };
  };
}
