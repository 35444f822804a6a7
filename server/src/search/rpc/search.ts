import { create } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { FindOrder } from "@parley/api/internal/messenger";
import { type SearchRequest, type SearchResponse, SearchResponseSchema } from "@parley/api/v2/search";
import { toPublicError } from "#platform/errors.ts";
import type { SearchParts } from "#search/parts.ts";
import { type ParsedQuery, parseQuery } from "#search/query/parse-query.ts";
import { resolveQuery } from "#search/query/resolve-query.ts";
import { callerOf, pageSize } from "#search/rpc/input.ts";
import { isTimeout, toSearchFault } from "#search/upstream.ts";

const pageSizes = { standard: 20, max: 100 };
/** For the answer's way, and for a messenger that ends a little late. */
const graceMs = 500;

export function search(parts: SearchParts) {
  return async (request: SearchRequest, context: HandlerContext): Promise<SearchResponse> => {
    const startedAtMs = performance.now();
    const ended = (outcome: string) =>
      parts.metrics.ended("instant", outcome, performance.now() - startedAtMs);
    try {
      const answer = await find(parts, request, context);
      ended(answer.partial ? "partial" : "complete");
      return answer;
    } catch (error) {
      const failure = toSearchFault(error, context.signal);
      ended(toPublicError(failure).code);
      throw failure;
    }
  };
}

async function find(
  parts: SearchParts,
  request: SearchRequest,
  context: HandlerContext,
): Promise<SearchResponse> {
  const actor = callerOf(context);
  const limit = pageSize(request.limit, pageSizes);
  const parsed = parseQuery(request.q, "q");
  const deadlineMs = performance.now() + budgetOf(parts, context);
  try {
    return await ask(parts, { actor, limit, parsed, deadlineMs, signal: context.signal });
  } catch (error) {
    if (!isTimeout(error) || context.signal.aborted) throw error;
    // Its time is over, with nothing found so far.
    return create(SearchResponseSchema, { partial: true });
  }
}

function budgetOf({ config }: SearchParts, context: HandlerContext): number {
  const leftMs = context.timeoutMs() ?? Number.POSITIVE_INFINITY;
  return Math.max(1, Math.min(config.PARLEY_SEARCH_TIMEOUT_MS, leftMs - 2 * graceMs));
}

interface Asked {
  actor: ReturnType<typeof callerOf>;
  limit: number;
  parsed: ParsedQuery;
  /** By performance.now(). */
  deadlineMs: number;
  signal: AbortSignal;
}

async function ask({ clients }: SearchParts, asked: Asked): Promise<SearchResponse> {
  const { actor, limit, parsed, deadlineMs, signal } = asked;
  const leftMs = () => Math.max(1, Math.ceil(deadlineMs - performance.now()));
  const query = await resolveQuery(parsed, {
    clients,
    actor,
    field: "q",
    timeoutMs: leftMs() + graceMs,
    signal,
  });
  if (!query) return create(SearchResponseSchema);
  const budgetMs = leftMs();
  const { hits, partial } = await clients.messenger.findMessages(
    { userId: actor.userId, query, order: FindOrder.RELEVANCE, limit, budgetMs },
    { timeoutMs: budgetMs + graceMs, signal },
  );
  return create(SearchResponseSchema, { hits, partial });
}
