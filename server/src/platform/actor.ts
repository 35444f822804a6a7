/**
 * Who a call is made for. The gateway authenticates the end user once and states the result to the services
 * in a request header. Between processes that header is signed, see platform/wire/credentials.ts.
 */
import type { HandlerContext } from "@connectrpc/connect";
import { fault } from "#platform/errors.ts";

export interface Actor {
  readonly userId: string;
  /** Empty for a user of an outside token issuer, who has no session here. */
  readonly sessionId: string;
  readonly roles: readonly string[];
}

export const actorHeader = "parley-actor";

export function actorHeaders(actor: Actor): Record<string, string> {
  return { [actorHeader]: `${actor.userId} ${actor.sessionId} ${actor.roles.join(",")}` };
}

/** The end user of this call; without one the call is refused. */
export function requireActor(context: HandlerContext): Actor {
  const [userId, sessionId = "", roles = ""] = context.requestHeader.get(actorHeader)?.split(" ") ?? [];
  if (!userId) throw fault("unauthenticated");
  return { userId, sessionId, roles: roles ? roles.split(",") : [] };
}
