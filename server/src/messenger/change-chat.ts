/**
 * Every change of a chat other than new messages: in the chat's turn, in one transaction under the lock on its row,
 * with the events that tell of it, which are published after the commit.
 */
import type { Event, Message } from "@parley/api/v2/event";
import { announce } from "#messenger/announce.ts";
import { type LoggedEvent, toEvent } from "#messenger/event-row.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { appendEvents, type LockedChat, lockChat } from "#messenger/store-changes.ts";
import type { Queryable } from "#platform/database.ts";
import { fault } from "#platform/errors.ts";
import { tags } from "#platform/stamps/stamps.ts";

export interface ChatChange {
  /** None: nothing was changed. */
  events: NewEvent[];
  title?: string;
  memberCount?: number;
  /** Whether it brings the chat to the front of its members' lists. */
  isActivity?: boolean;
}

/** Gets its seq, actor and time from the place where it is appended. */
export interface NewEvent extends Omit<LoggedEvent, "seq" | "actorId" | "atMs"> {
  /** The message as it is after the change, for edit and delete. */
  message?: Message;
}

export interface Place {
  chatId: string;
  callerId: string;
}

/** Refuses the caller as if there were no such chat when they are not a member. */
export async function changeChat(
  parts: MessengerParts,
  place: Place,
  change: (tx: Queryable, chat: LockedChat) => Promise<ChatChange>,
): Promise<void> {
  const { chatId } = place;
  let stamped: Promise<void> | undefined;
  try {
    await parts.turns.run(chatId, async () => {
      let isMember = false;
      let events: Event[] = [];
      try {
        events = await parts.database.transaction(async (tx) => {
          const chat = await lockChat(tx, chatId, place.callerId);
          if (!chat) throw fault("chat-not-found");
          isMember = true;
          return append(tx, chat, place, await change(tx, chat));
        });
      } finally {
        // Whatever came of it: it may have been committed all the same, or be the repetition of a change whose process
        // ended before the stamps were changed.
        if (isMember) stamped = parts.stamps.change(changedTags(chatId, events));
        announce(parts, { chatId, events });
      }
    });
  } finally {
    await stamped;
  }
}

async function append(
  tx: Queryable,
  chat: LockedChat,
  { chatId, callerId }: Place,
  made: ChatChange,
): Promise<Event[]> {
  if (made.events.length === 0) return [];
  const { title = chat.title, memberCount = chat.memberCount, isActivity = false } = made;
  const logged = made.events.map((event, index) => ({
    ...event,
    seq: chat.lastSeq + 1 + index,
    actorId: callerId,
    atMs: chat.atMs,
  }));
  await appendEvents(tx, { chatId, events: logged, title, memberCount, isActivity });
  const context = { chatId, chatKind: chat.kind, title };
  return logged.map((event) => toEvent(event, { ...context, message: event.message }));
}

function changedTags(chatId: string, events: readonly Event[]): string[] {
  const isOfMembers = events.length === 0 || events.some((event) => event.membership !== undefined);
  return isOfMembers ? [tags.chat(chatId), tags.members(chatId)] : [tags.chat(chatId)];
}
