import type { Event, Message } from "@parley/api/v2/event";
import { messageIdsOf } from "#messenger/message-id.ts";
import { toTimestamp } from "#messenger/message-row.ts";

/** What the log keeps of an event; of a message event, what its row in messages says. */
export interface LoggedEvent {
  seq: number;
  kind: "message" | "edit" | "delete" | "reaction" | "membership" | "chat" | "processed" | "attachments";
  actorId: string;
  atMs: number;
  messageSeq?: number | undefined;
  emoji?: string | undefined;
  change?: "added" | "removed" | "role" | undefined;
  userId?: string | undefined;
  role?: string | undefined;
}

export interface EventContext {
  chatId: string;
  chatKind: string;
  /** As it is now. */
  title: string;
  /** As it is now; empty for none. */
  processor: string;
  /** As people have said, as it is now; empty when they have not. */
  language: string;
  /** Of "message", "edit", "delete", "processed" and "attachments": the message as it is now. */
  message?: Message | undefined;
}

export function toEvent(logged: LoggedEvent, context: EventContext): Event {
  return {
    $typeName: "parley.v2.Event",
    chatId: context.chatId,
    seq: logged.seq,
    kind: logged.kind,
    at: toTimestamp(logged.atMs),
    actorId: logged.actorId,
    ...payloadOf(logged, context),
  };
}

function payloadOf(logged: LoggedEvent, context: EventContext): Partial<Event> {
  switch (logged.kind) {
    case "message":
    case "edit":
    case "delete":
    case "processed":
    case "attachments":
      return context.message ? { message: forEveryone(context.message) } : {};
    case "reaction":
      return {
        reaction: {
          $typeName: "parley.v2.ReactionChange",
          messageId: messageIdsOf(context.chatId)(logged.messageSeq ?? 0),
          emoji: logged.emoji ?? "",
          removed: logged.change === "removed",
        },
      };
    case "membership":
      return {
        membership: {
          $typeName: "parley.v2.MembershipChange",
          userId: logged.userId ?? "",
          change: logged.change ?? "",
          role: logged.role ?? "",
        },
      };
    case "chat":
      return {
        chat: {
          $typeName: "parley.v2.ChatChange",
          kind: context.chatKind,
          title: context.title,
          processor: context.processor,
          language: context.language,
        },
      };
  }
}

/** One event goes to all members: whose reactions they are is not said in it. */
function forEveryone(message: Message): Message {
  if (!message.reactions.some((reaction) => reaction.mine)) return message;
  return { ...message, reactions: message.reactions.map((reaction) => ({ ...reaction, mine: false })) };
}
