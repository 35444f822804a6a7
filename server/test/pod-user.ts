/** A user at a pod that runs one service, without a gateway before it. */
import type { CallOptions } from "@connectrpc/connect";
import type { Event } from "@parley/api/v2/event";
import { actorHeaders } from "#platform/actor.ts";
import type { Bus } from "#platform/bus.ts";

/** For calls of this user. */
export function as(userId: string, roles: readonly string[] = [], timeoutMs = 10_000): CallOptions {
  return { headers: actorHeaders({ userId, sessionId: "", roles }), timeoutMs };
}

/** The events that the user's sockets would get from this pod. */
export async function eventsOf({ bus }: { bus: Bus }, userId: string): Promise<Event[]> {
  const events: Event[] = [];
  await bus.subscribe(`user:${userId}`, (message) => void events.push(...message.events));
  return events;
}
