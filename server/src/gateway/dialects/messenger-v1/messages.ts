/** Sending, and the history, which is kept until the chat changes. */
import { MessengerService } from "@parley/api/v2/messenger";
import type { CallContext } from "#gateway/call.ts";
import type { DialectAnswer, DialectParts, DialectRoute } from "#gateway/dialects/dialect.ts";
import { requiredText, wholeNumber } from "#gateway/dialects/fields.ts";
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
  const { cache } = parts;
  return {
    method: "GET",
    template,
    access: "required",
    rate: "messenger-v1",
    successor,
    async serve({ path, query, context, caller }) {
      const chatId = chatIdOf(path);
      const limit = wholeNumber(query, "limit", pageSizes);
      const page = { chatId, limit, before: readBefore(query) };
      if (!cache) return jsonAnswer(await readPage(parts, page, context), {});
      const { body, status } = await cache.answers.answer({
        key: `${caller.userId} messenger-v1 ${chatId} ${limit} ${page.before ?? ""}`,
        tags: () => ({ access: [tags.members(chatId)], content: [tags.chat(chatId)] }),
        // The answer may be for others as well, who wait for it when this client has gone.
        load: () => readPage(parts, page, { ...context, signal: undefined }),
      });
      return jsonAnswer(body.toString(), { "cache-status": status });
    },
  };
}

const jsonAnswer = (json: string, headers: Record<string, string>): DialectAnswer => ({
  text: json,
  headers: { ...headers, "content-type": "application/json; charset=utf-8" },
});

/** As JSON. Of deleted messages nothing is left to show, so a page may be shorter than asked for. */
async function readPage({ clients, optionsFor }: DialectParts, page: Page, context: CallContext) {
  const { chatId, limit, before } = page;
  const answer = await clients.messengerInternal.listMessagePage(
    { chatId, limit, ...(before === undefined ? {} : { before }) },
    optionsFor(context),
  );
  const { nextBefore } = answer;
  return JSON.stringify({
    messages: answer.messages.filter(({ deletedAt }) => !deletedAt).map(({ text }) => ({ text })),
    ...(nextBefore === undefined ? {} : { next: { iterator: writeIterator(`before ${nextBefore}`) } }),
  });
}

function readBefore(query: URLSearchParams): number | undefined {
  const [, seq] = readIterator(query, /^before (\d{1,10})$/) ?? [];
  return seq === undefined ? undefined : Math.min(Number(seq), largestSeq);
}
