/** Tells a user's sockets that one of their search tasks has ended. */
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { BusMessageSchema } from "@parley/api/internal/bus";
import { EventSchema } from "@parley/api/v2/event";
import { type Bus, topics } from "#platform/bus.ts";
import type { TaskRow } from "#search/tasks/task-row.ts";

export function announceEnd(bus: Bus, task: TaskRow): void {
  const { id, userId, status, resultCount, partial, finishedAt } = task;
  if (!finishedAt) return;
  const event = create(EventSchema, {
    kind: "search",
    at: timestampFromDate(finishedAt),
    search: { id, status, resultCount, partial },
  });
  bus.publish(topics.user(userId), create(BusMessageSchema, { events: [event] }));
}
