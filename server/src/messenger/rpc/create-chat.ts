import { randomUUIDv7 } from "node:crypto";
import type { HandlerContext } from "@connectrpc/connect";
import type { Event } from "@parley/api/v2/event";
import type { CreateChatRequest, CreateChatResponse } from "@parley/api/v2/messenger";
import { announceNewChat } from "#messenger/announce.ts";
import { toChat } from "#messenger/chat-row.ts";
import { directChatId } from "#messenger/direct-chat-id.ts";
import { callerOf, mayPay, readIds, requireNoProblem, textProblem } from "#messenger/input.ts";
import { languageProblem } from "#messenger/language-code.ts";
import { toTimestamp } from "#messenger/message-row.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { findChat, createChat as insertChat, type NewChat } from "#messenger/store-chats.ts";
import { requireActor } from "#platform/actor.ts";
import { fault, invalidInput } from "#platform/errors.ts";

/** The contract's limit of memberIds; more can be added later. */
const maxInitialMembers = 1_000;

export function createChat(parts: MessengerParts) {
  return async (request: CreateChatRequest, context: HandlerContext): Promise<CreateChatResponse> => {
    const callerId = callerOf(context);
    const actor = requireActor(context);
    const { processor, language } = request;
    requireNoProblem("language", languageProblem(language));
    const chat = {
      ...readChat(request, callerId, parts.config.PARLEY_MAX_GROUP_MEMBERS),
      processor,
      mayPay: mayPay(actor),
      language,
    };
    if (processor !== "") await parts.processors.require(processor, actor);
    const createdAtMs = await insertChat(parts.database, chat);
    if (createdAtMs !== undefined) {
      const memberIds = chat.members.map((member) => member.userId);
      announceNewChat(parts, memberIds, chatEvent(chat, createdAtMs));
    }
    const row = await findChat(parts.database, callerId, chat.chatId);
    // A group's owner can be removed from it only by themselves, and nobody else knows its id yet.
    if (!row) throw fault("chat-not-found");
    return { $typeName: "parley.v2.CreateChatResponse", chat: toChat(row) };
  };
}

type ChatOfPeople = Omit<NewChat, "processor" | "mayPay" | "language">;

function readChat(request: CreateChatRequest, callerId: string, maxMembers: number): ChatOfPeople {
  const memberIds = readIds("memberIds", request.memberIds, maxInitialMembers);
  const { kind, title } = request;
  if (kind === "direct") return directChat(memberIds, title, callerId);
  if (kind !== "group" && kind !== "channel") {
    throw invalidInput("kind", "must be direct, group or channel");
  }
  requireNoProblem("title", textProblem(title));
  const others = memberIds.filter((id) => id !== callerId);
  if (others.length + 1 > maxMembers) throw invalidInput("memberIds", `must be at most ${maxMembers - 1}`);
  const members = others.map((userId) => ({ userId, role: "member" }));
  return {
    chatId: randomUUIDv7(),
    kind,
    title,
    createdBy: callerId,
    members: [{ userId: callerId, role: "owner" }, ...members],
  };
}

/** Nobody owns a direct chat. */
function directChat(memberIds: string[], title: string, callerId: string): ChatOfPeople {
  const [peerId] = memberIds;
  if (!peerId || memberIds.length > 1)
    throw invalidInput("memberIds", "must be one person for a direct chat");
  if (peerId === callerId) throw invalidInput("memberIds", "must be another person for a direct chat");
  if (title !== "") throw invalidInput("title", "must be empty for a direct chat");
  return {
    chatId: directChatId(callerId, peerId),
    kind: "direct",
    title,
    createdBy: callerId,
    members: [callerId, peerId].map((userId) => ({ userId, role: "member" })),
  };
}

const chatEvent = (chat: NewChat, createdAtMs: number): Event => ({
  $typeName: "parley.v2.Event",
  chatId: chat.chatId,
  kind: "chat",
  at: toTimestamp(createdAtMs),
  actorId: chat.createdBy,
  chat: {
    $typeName: "parley.v2.ChatChange",
    kind: chat.kind,
    title: chat.title,
    processor: chat.processor,
    language: chat.language,
  },
});
