/** Sending, and the history, which is kept until the chat changes. */
import { MessengerService } from "@parley/api/v2/messenger";
import type { CallContext } from "#gateway/call.ts";
import type { DialectParts, DialectRoute } from "#gateway/dialects/dialect.ts";
import { requiredText, wholeNumber } from "#gateway/dialects/fields.ts";
import { answerKept } from "#gateway/dialects/kept-answers.ts";
import { chatIdOf, readIterator, writeIterator } from "#gateway/dialects/messenger-v1/input.ts";
import { fault, invalidInput } from "#platform/errors.ts";
import { tags } from "#platform/stamps/stamps.ts";

const template = "/v1/chats/{chat_id}/messages";
const successor = "/v2/chats/{chatId}/messages";
const pageSizes = { standard: 100, min: 1, max: 1_000 };
const largestSeq = 2_147_483_647;

export function messageRoutes(parts: DialectParts): DialectRoute[] {
  return [send(parts), history(parts)];
}

function send({ call }: DialectParts): DialectRoute {
  return {
    method: "POST",
    template,
    access: "required",
    rate: "messenger-v1",
    successor,
    async serve({ json, path, query, context, caller }) {
      const chatId = chatIdOf(path);
      const userId = query.get("user_id");
      if (!userId) throw invalidInput("user_id", "is required");
      const text = requiredText(json(), "message");
      // Nobody speaks for others.
      if (userId.toLowerCase() !== caller.userId) throw fault("user-not-found");
      const { message } = await call(MessengerService.method.sendMessage, { chatId, text }, context);
      return { status: 201, body: { message_id: message?.id } };
    },
  };
}

interface Page {
  chatId: string;
  limit: number;
  /** Undefined: the newest messages. */
  before: number | undefined;
}

function history(parts: DialectParts): DialectRoute {
  return {
    method: "GET",
    template,
    access: "required",
    rate: "messenger-v1",
    successor,
    async serve({ path, query, context, caller }) {
      const chatId = chatIdOf(path);
      const limit = wholeNumber(query, "limit", pageSizes);
      const before = readBefore(query);
      return answerKept("messenger-v1", parts.cache, {
        userId: caller.userId,
        question: `history ${chatId} ${limit} ${before ?? ""}`,
        tags: { access: [tags.members(chatId)], content: [tags.chat(chatId)] },
        load: () => readPage(parts, { chatId, limit, before }, { ...context, signal: undefined }),
      });
    },
  };
}

/** Of deleted messages nothing is left to show, so a page may be shorter than asked for. */
async function readPage({ clients, optionsFor }: DialectParts, page: Page, context: CallContext) {
  const { chatId, limit, before } = page;
  const { messages, nextBefore } = await clients.messengerInternal.listMessagePage(
    { chatId, limit, ...(before === undefined ? {} : { before }) },
    optionsFor(context),
  );
  return {
    messages: messages.filter(({ deletedAt }) => !deletedAt).map(({ text }) => ({ text })),
    ...(nextBefore === undefined ? {} : { next: { iterator: writeIterator(`before ${nextBefore}`) } }),
  };
}

function readBefore(query: URLSearchParams): number | undefined {
  const [, seq] = readIterator(query, /^before (\d{1,10})$/) ?? [];
  return seq === undefined ? undefined : Math.min(Number(seq), largestSeq);
}
