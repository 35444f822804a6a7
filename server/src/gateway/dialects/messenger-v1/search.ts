/** Search by tasks: asked for, looked after, read. */
import { type ListSearchResultsResponse, SearchService } from "@parley/api/v2/search";
import type { CallContext } from "#gateway/call.ts";
import type { DialectParts, DialectRoute } from "#gateway/dialects/dialect.ts";
import { requiredText, wholeNumber } from "#gateway/dialects/fields.ts";
import { readIterator, taskIdOf, writeIterator } from "#gateway/dialects/messenger-v1/input.ts";
import { toQuery } from "#gateway/dialects/messenger-v1/search-phrase.ts";
import { fault, toPublicError } from "#platform/errors.ts";

/** All that may be read of a task. */
const maxResults = 100;
const pageSizes = { standard: maxResults, min: 1, max: 1_000 };

const statuses: Readonly<Record<string, string>> = {
  waiting: "WAITING",
  running: "IN_PROCESS",
  done: "SUCCESS",
  failed: "FAILED",
};

export function searchRoutes(parts: DialectParts): DialectRoute[] {
  return [search(parts), status(parts), results(parts)];
}

function search({ call, clients, optionsFor }: DialectParts): DialectRoute {
  async function requireChats(context: CallContext) {
    const { total } = await clients.messengerInternal.listChatPage({ limit: 1 }, optionsFor(context));
    if (total === 0) throw fault("chat-not-found");
  }
  return {
    method: "POST",
    template: "/v1/chats/search",
    access: "required",
    rate: "messenger-v1",
    successor: "/v2/search-tasks",
    async serve({ json, context }) {
      const query = toQuery(requiredText(json(), "message"), "message");
      await requireChats(context);
      const { task } = await call(SearchService.method.createSearchTask, { query, fuzzy: true }, context);
      return { status: 201, body: { task_id: task?.id } };
    },
  };
}

function status({ call }: DialectParts): DialectRoute {
  return {
    method: "GET",
    template: "/v1/chats/search/status/{task_id}",
    access: "required",
    rate: "messenger-v1",
    successor: "/v2/search-tasks/{id}",
    async serve({ path, context }) {
      const { task } = await call(SearchService.method.getSearchTask, { id: taskIdOf(path) }, context);
      return { body: { status: statuses[task?.status ?? ""] ?? "FAILED" } };
    },
  };
}

function results({ call }: DialectParts): DialectRoute {
  return {
    method: "GET",
    template: "/v1/chats/search/{task_id}/messages",
    access: "required",
    rate: "messenger-v1",
    successor: "/v2/search-tasks/{id}/results",
    async serve({ path, query, context }) {
      const id = taskIdOf(path);
      const limit = wholeNumber(query, "limit", pageSizes);
      // How many have been shown, and where search goes on.
      const [, shown = "0", cursor = ""] = readIterator(query, /^shown (\d{1,2}) (.{1,200})$/) ?? [];
      const left = maxResults - Number(shown);
      const request = { id, limit: Math.min(limit, left), cursor };
      const found = call(SearchService.method.listSearchResults, request, context);
      const { hits, nextCursor }: Found = await found.catch(noneYet);
      const next =
        nextCursor && hits.length < left
          ? { iterator: writeIterator(`shown ${Number(shown) + hits.length} ${nextCursor}`) }
          : undefined;
      return { body: { messages: hits.map(({ message }) => toMessage(message)), ...(next ? { next } : {}) } };
    },
  };
}

type Found = Pick<ListSearchResultsResponse, "hits" | "nextCursor">;

const toMessage = (message: { text: string; chatId: string } | undefined) => ({
  text: message?.text ?? "",
  chat_id: message?.chatId ?? "",
});

/** A task that is not done, or has failed, has found nothing that could be shown. */
function noneYet(error: unknown): Found {
  if (toPublicError(error).code === "search-task-not-done") return { hits: [] };
  throw error;
}
