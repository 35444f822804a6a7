/** Tells a user's sockets that one of their requests in the background has ended. */
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { BusMessageSchema } from "@parley/api/internal/bus";
import { EventSchema } from "@parley/api/v2/event";
import { isOfMessage } from "#dispatch/requests/request-key.ts";
import type { RequestRow } from "#dispatch/requests/request-row.ts";
import { type Bus, topics } from "#platform/bus.ts";

export function announceEnd(bus: Bus, row: RequestRow): void {
  const { id, userId, key, status, inBackground, endedAt } = row;
  if (!inBackground || !endedAt || isOfMessage(key)) return;
  const event = create(EventSchema, {
    kind: "process",
    at: timestampFromDate(endedAt),
    process: { id, status },
  });
  bus.publish(topics.user(userId), create(BusMessageSchema, { events: [event] }));
}
