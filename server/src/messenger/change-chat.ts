/**
 * Every change of a chat other than new messages: in the chat's turn, in one transaction under the lock on its row,
 * with the events that tell of it, which are published after the commit.
 */
import type { Event, Message } from "@parley/api/v2/event";
import { announce } from "#messenger/announce.ts";
import { type LoggedEvent, toEvent } from "#messenger/event-row.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import {
  appendEvents,
  type LockedChat,
  lockChat,
  lockChatToJoin,
  lockChatUnasked,
} from "#messenger/store-changes.ts";
import type { Queryable } from "#platform/database.ts";
import { fault } from "#platform/errors.ts";
import { tags } from "#platform/stamps/stamps.ts";

export interface ChatChange {
  /** None: nothing was changed. */
  events: NewEvent[];
  title?: string;
  processor?: string;
  language?: string;
  memberCount?: number;
  /** Whether it brings the chat to the front of its members' lists. */
  isActivity?: boolean;
}

/** Gets its seq, actor and time from the place where it is appended. */
export interface NewEvent extends Omit<LoggedEvent, "seq" | "actorId" | "atMs"> {
  /** The message as it is after the change, for edit, delete, processed and attachments. */
  message?: Message;
}

export interface Place {
  chatId: string;
  callerId: string;
}

/** What is done to a chat once it is locked. */
export type MakeChange = (tx: Queryable, chat: LockedChat) => Promise<ChatChange>;

/** Refuses the caller as if there were no such chat when they are not a member. */
export function changeChat(parts: MessengerParts, place: Place, change: MakeChange): Promise<void> {
  const lock = (tx: Queryable) => lockChat(tx, place.chatId, place.callerId);
  return changeLocked(parts, place, { lock, change });
}

/** Also for those who are not members of the chat, if it is open: their role is empty. */
export function changeChatToJoin(parts: MessengerParts, place: Place, change: MakeChange): Promise<void> {
  const lock = (tx: Queryable) => lockChatToJoin(tx, place.chatId, place.callerId);
  return changeLocked(parts, place, { lock, change });
}

/** For what the messenger does of itself: the caller is only whom the event names, and need not be a member. */
export function changeChatUnasked(parts: ChangeParts, place: Place, change: MakeChange): Promise<void> {
  const lock = (tx: Queryable) => lockChatUnasked(tx, place.chatId);
  return changeLocked(parts, place, { lock, change });
}

export type ChangeParts = Pick<MessengerParts, "database" | "turns" | "stamps" | "bus" | "telemetry">;

interface LockAndChange {
  lock(tx: Queryable): Promise<LockedChat | undefined>;
  change: MakeChange;
}

async function changeLocked(
  parts: ChangeParts,
  place: Place,
  { lock, change }: LockAndChange,
): Promise<void> {
  const { chatId } = place;
  let stamped: Promise<void> | undefined;
  try {
    await parts.turns.run(chatId, async () => {
      let isLocked = false;
      let events: Event[] = [];
      try {
        events = await parts.database.transaction(async (tx) => {
          const chat = await lock(tx);
          if (!chat) throw fault("chat-not-found");
          isLocked = true;
          return append(tx, chat, place, await change(tx, chat));
        });
      } finally {
        // Whatever came of it: it may have been committed all the same, or be the repetition of a change whose process
        // ended before the stamps were changed.
        if (isLocked) stamped = parts.stamps.change(changedTags(chatId, events));
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
  const { title = chat.title, processor = chat.processor, language = chat.language } = made;
  const { memberCount = chat.memberCount, isActivity = false } = made;
  const logged = made.events.map((event, index) => ({
    ...event,
    seq: chat.lastSeq + 1 + index,
    actorId: callerId,
    atMs: chat.atMs,
  }));
  await appendEvents(tx, { chatId, events: logged, title, language, memberCount, isActivity });
  const context = { chatId, chatKind: chat.kind, title, processor, language };
  return logged.map((event) => toEvent(event, { ...context, message: event.message }));
}

function changedTags(chatId: string, events: readonly Event[]): string[] {
  const isOfMembers = events.length === 0 || events.some((event) => event.membership !== undefined);
  return isOfMembers ? [tags.chat(chatId), tags.members(chatId)] : [tags.chat(chatId)];
}
