/**
 * Who a call is made for. The gateway authenticates the end user once and states the result to the services
 * in a request header; a service believes it because only the gateway can reach it.
 */
import type { HandlerContext } from "@connectrpc/connect";
import { fault } from "#platform/errors.ts";

export interface Actor {
  readonly userId: string;
  /** Empty for a user of an outside token issuer, who has no session here. */
  readonly sessionId: string;
  readonly roles: readonly string[];
}

const header = "parley-actor";

export function actorHeaders(actor: Actor): Record<string, string> {
  return { [header]: `${actor.userId} ${actor.sessionId} ${actor.roles.join(",")}` };
}

/** The end user of this call; without one the call is refused. */
export function requireActor(context: HandlerContext): Actor {
  const [userId, sessionId = "", roles = ""] = context.requestHeader.get(header)?.split(" ") ?? [];
  if (!userId) throw fault("unauthenticated");
  return { userId, sessionId, roles: roles ? roles.split(",") : [] };
}
