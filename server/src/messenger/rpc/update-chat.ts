import type { HandlerContext } from "@connectrpc/connect";
import type { UpdateChatRequest, UpdateChatResponse } from "@parley/api/v2/messenger";
import { changeChat } from "#messenger/change-chat.ts";
import { toChat } from "#messenger/chat-row.ts";
import { callerOf, mayPay, readId, requireNoProblem, textProblem } from "#messenger/input.ts";
import { languageProblem } from "#messenger/language-code.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { requireCanConfigure, requireCanManage } from "#messenger/rules.ts";
import { findChat } from "#messenger/store-chats.ts";
import { setProcessor } from "#messenger/store-processing.ts";
import { type Actor, requireActor } from "#platform/actor.ts";
import { fault, invalidInput } from "#platform/errors.ts";

export function updateChat(parts: MessengerParts) {
  return async (request: UpdateChatRequest, context: HandlerContext): Promise<UpdateChatResponse> => {
    const callerId = callerOf(context);
    const chatId = readId("chatId", request.chatId);
    const { title, processor, language } = request;
    requireSomeChange(request);
    const actor = requireActor(context);
    await requireKnown(parts, processor, { actor, chatId, callerId });
    await changeChat(parts, { chatId, callerId }, async (tx, chat) => {
      if (title !== undefined) requireCanManage(chat);
      if (processor !== undefined) {
        requireCanConfigure(chat);
        // Also when it is the same: whoever chose it last is charged, with the rights that they have now.
        await setProcessor(tx, chatId, { processor, userId: callerId, mayPay: mayPay(actor) });
      }
      if (language !== undefined) requireCanConfigure(chat);
      const isNewTitle = title !== undefined && title !== chat.title;
      const isNewProcessor = processor !== undefined && processor !== chat.processor;
      const isNewLanguage = language !== undefined && language !== chat.language;
      if (!isNewTitle && !isNewProcessor && !isNewLanguage) return { events: [] };
      return {
        events: [{ kind: "chat" }],
        ...(isNewTitle ? { title } : {}),
        ...(isNewProcessor ? { processor } : {}),
        ...(isNewLanguage ? { language } : {}),
        isActivity: true,
      };
    });
    const row = await findChat(parts.database, callerId, chatId);
    if (!row) throw fault("chat-not-found");
    return { $typeName: "parley.v2.UpdateChatResponse", chat: toChat(row) };
  };
}

function requireSomeChange({ title, processor, language }: UpdateChatRequest): void {
  if (title === undefined && processor === undefined && language === undefined) {
    throw invalidInput("title", "must not be empty");
  }
  if (language !== undefined) requireNoProblem("language", languageProblem(language));
  if (title === undefined) return;
  if (title.trim() === "") throw invalidInput("title", "must not be empty");
  requireNoProblem("title", textProblem(title));
}

/** Not under the lock on the chat: dispatch may take its time. To others than its members the chat does not exist, whatever they name. */
async function requireKnown(
  parts: MessengerParts,
  processor: string | undefined,
  { actor, chatId, callerId }: { actor: Actor; chatId: string; callerId: string },
): Promise<void> {
  if (processor === undefined || processor === "") return;
  if (!(await findChat(parts.database, callerId, chatId))) throw fault("chat-not-found");
  await parts.processors.require(processor, actor);
}
