/** What search makes sure of itself, whoever calls. */
import type { HandlerContext } from "@connectrpc/connect";
import { type Actor, requireActor } from "#platform/actor.ts";
import { fault, invalidInput } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";

export function callerOf(context: HandlerContext): Actor {
  const actor = requireActor(context);
  if (!isUuid(actor.userId)) throw fault("unauthenticated");
  return { ...actor, userId: actor.userId.toLowerCase() };
}

export function pageSize(limit: number, sizes: { standard: number; max: number }): number {
  if (limit > sizes.max) throw invalidInput("limit", `must be at most ${sizes.max}`);
  return limit === 0 ? sizes.standard : limit;
}
