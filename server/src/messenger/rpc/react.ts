/** AddReaction and RemoveReaction: for every member, in a channel too. Doing it twice changes nothing. */
import type { HandlerContext } from "@connectrpc/connect";
import type {
  AddReactionRequest,
  AddReactionResponse,
  RemoveReactionRequest,
  RemoveReactionResponse,
} from "@parley/api/v2/messenger";
import { changeChat } from "#messenger/change-chat.ts";
import { callerOf, readId, requireNoProblem, textProblem } from "#messenger/input.ts";
import { seqOfMessageId } from "#messenger/message-id.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import * as store from "#messenger/store-changes.ts";
import { fault, invalidInput } from "#platform/errors.ts";

const maxEmojiPerMessage = 50;
const maxEmojiChars = 32;

export function addReaction(parts: MessengerParts) {
  return async (request: AddReactionRequest, context: HandlerContext): Promise<AddReactionResponse> => {
    await react(parts, request, context, true);
    return { $typeName: "parley.v2.AddReactionResponse" };
  };
}

export function removeReaction(parts: MessengerParts) {
  return async (request: RemoveReactionRequest, context: HandlerContext): Promise<RemoveReactionResponse> => {
    await react(parts, request, context, false);
    return { $typeName: "parley.v2.RemoveReactionResponse" };
  };
}

async function react(
  parts: MessengerParts,
  request: AddReactionRequest | RemoveReactionRequest,
  context: HandlerContext,
  isAdded: boolean,
) {
  const callerId = callerOf(context);
  const chatId = readId("chatId", request.chatId);
  const emoji = readEmoji(request.emoji);
  const messageSeq = seqOfMessageId(chatId, request.messageId) ?? 0;
  await changeChat(parts, { chatId, callerId }, async (tx, chat) => {
    const message = await store.findMessage(tx, { chatId, seq: messageSeq }, callerId);
    if (!message || message[8] !== null) throw fault("message-not-found");
    const reactions = message[9] ?? [];
    const same = reactions.find((reaction) => reaction.emoji === emoji);
    if ((same?.mine ?? false) === isAdded) return { events: [] };
    if (isAdded && !same && reactions.length >= maxEmojiPerMessage) {
      throw invalidInput("emoji", `a message has at most ${maxEmojiPerMessage} different ones`);
    }
    const key = { chatId, messageSeq, userId: callerId, emoji };
    if (isAdded) await store.addReaction(tx, key, chat.lastSeq + 1);
    else await store.removeReaction(tx, key);
    const change = isAdded ? "added" : "removed";
    return { events: [{ kind: "reaction", messageSeq, emoji, change }] };
  });
}

function readEmoji(emoji: string): string {
  if (emoji === "" || emoji.length > maxEmojiChars || /\s|\p{Cc}/u.test(emoji)) {
    throw invalidInput("emoji", `must be 1 to ${maxEmojiChars} characters without spaces`);
  }
  requireNoProblem("emoji", textProblem(emoji));
  return emoji;
}
