import { create, fromBinary } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { MessageQuerySchema } from "@parley/api/internal/messenger";
import {
  type ListSearchResultsRequest,
  type ListSearchResultsResponse,
  ListSearchResultsResponseSchema,
  type SearchHit,
} from "@parley/api/v2/search";
import { fault } from "#platform/errors.ts";
import type { SearchParts } from "#search/parts.ts";
import { callerOf, pageSize } from "#search/rpc/input.ts";
import { requireTask } from "#search/rpc/require-task.ts";
import { decodePosition, encodePosition } from "#search/rpc/result-cursor.ts";
import type { TaskRow } from "#search/tasks/task-row.ts";
import { toSearchFault } from "#search/upstream.ts";

const pageSizes = { standard: 50, max: 200 };
const maxReads = 20;
const readTimeoutMs = 5_000;
const retryAfterMs = 1_000;

export function listSearchResults(parts: SearchParts) {
  return async (
    request: ListSearchResultsRequest,
    context: HandlerContext,
  ): Promise<ListSearchResultsResponse> => {
    const actor = callerOf(context);
    const limit = pageSize(request.limit, pageSizes);
    const task = await requireTask(parts.tasks, request.id, actor);
    requireDone(task);
    const offset = decodePosition(request.cursor, task);
    try {
      return await readPage(parts, task, { offset, limit, signal: context.signal });
    } catch (error) {
      throw toSearchFault(error, context.signal);
    }
  };
}

function requireDone({ status }: TaskRow): void {
  if (status === "failed") throw fault("search-task-not-done", { detail: "The search task has failed" });
  if (status !== "done") throw fault("search-task-not-done", { retryAfterMs });
}

interface Page {
  offset: number;
  limit: number;
  signal: AbortSignal;
}

/** Reads on while there is nothing to show, but not for ever. */
async function readPage(
  parts: SearchParts,
  task: TaskRow,
  { offset, limit, signal }: Page,
): Promise<ListSearchResultsResponse> {
  let hits: SearchHit[] = [];
  let at = offset;
  for (let left = maxReads; left > 0 && hits.length === 0 && at < task.resultCount; left--) {
    // After a page with nothing to show, such as of a chat that was left, as many as may be read at once.
    const size = at === offset ? limit : pageSizes.max;
    const ids = await readIds(parts, task, at, Math.min(task.resultCount, at + size));
    hits = (await readHits(parts, task, ids, signal)).slice(0, limit);
    const lastShown = ids.indexOf(hits.at(-1)?.message?.id ?? "");
    at += hits.length === limit && lastShown >= 0 ? lastShown + 1 : ids.length;
  }
  const nextCursor =
    at < task.resultCount ? encodePosition({ attempt: task.attempt, offset: at }) : undefined;
  return create(ListSearchResultsResponseSchema, { hits, ...(nextCursor ? { nextCursor } : {}) });
}

async function readIds({ tasks, results }: SearchParts, task: TaskRow, from: number, to: number) {
  const ids = await results.read(task, from, to);
  if (ids) return ids;
  await tasks.searchAgain(task);
  throw fault("search-task-not-done", {
    detail: "The results were lost; they are looked for once more",
    retryAfterMs,
  });
}

async function readHits(
  { clients }: SearchParts,
  { userId, messageQuery }: TaskRow,
  messageIds: string[],
  signal: AbortSignal,
): Promise<SearchHit[]> {
  if (!messageQuery) return [];
  const query = fromBinary(MessageQuerySchema, messageQuery);
  const answer = await clients.messenger.readFoundMessages(
    { userId, query, messageIds },
    { timeoutMs: readTimeoutMs, signal },
  );
  return answer.hits;
}
