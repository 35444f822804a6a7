/** Tells the bus what has been committed, before the caller is answered. */
import { create } from "@bufbuild/protobuf";
import { BusMessageSchema } from "@parley/api/internal/bus";
import type { Event } from "@parley/api/v2/event";
import { type Bus, topics } from "#platform/bus.ts";

/** Events of one chat in the order of their seq. Who joins or leaves is told besides: the chat's topic may not reach them. */
export function announce(bus: Bus, chatId: string, events: Event[]): void {
  if (events.length === 0) return;
  bus.publish(topics.chat(chatId), create(BusMessageSchema, { events }));
  for (const event of events) {
    const { change = "", userId = "" } = event.membership ?? {};
    if (change === "added" || change === "removed") {
      bus.publish(topics.user(userId), create(BusMessageSchema, { events: [event] }));
    }
  }
}

/** A chat has come into being: told to its members, who cannot know its topic yet. */
export function announceNewChat(bus: Bus, memberIds: readonly string[], event: Event): void {
  const message = create(BusMessageSchema, { events: [event] });
  for (const userId of memberIds) bus.publish(topics.user(userId), message);
}
