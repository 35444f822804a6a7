import type { HandlerContext } from "@connectrpc/connect";
import type { CreateChatRequest, CreateChatResponse } from "@parley/api/v2/messenger";
import { beginChat, newChatId } from "#messenger/begin-chat.ts";
import { directChatId } from "#messenger/direct-chat-id.ts";
import { callerOf, mayPay, readIds, requireNoProblem, textProblem } from "#messenger/input.ts";
import { languageProblem } from "#messenger/language-code.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import type { NewChat } from "#messenger/store-chats.ts";
import { requireActor } from "#platform/actor.ts";
import { invalidInput } from "#platform/errors.ts";

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
      isOpen: false,
    };
    if (processor !== "") await parts.processors.require(processor, actor);
    return { $typeName: "parley.v2.CreateChatResponse", chat: await beginChat(parts, chat) };
  };
}

type ChatOfPeople = Omit<NewChat, "processor" | "mayPay" | "language" | "isOpen">;

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
    chatId: newChatId(),
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
