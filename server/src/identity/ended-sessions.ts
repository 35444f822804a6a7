import { create } from "@bufbuild/protobuf";
import { BusMessageSchema } from "@parley/api/internal/bus";
import { type Bus, topics } from "#platform/bus.ts";

/** Makes every gateway close the sessions' sockets and refuse their access tokens. Call it after the commit. */
export function announceEnded(bus: Bus, userId: string, sessionIds: string[]): void {
  if (sessionIds.length === 0) return;
  const message = create(BusMessageSchema, { endedSessionIds: sessionIds });
  bus.publish(topics.user(userId), message);
  bus.publish(topics.sessions, message);
}
