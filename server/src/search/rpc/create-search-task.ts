import { create, toBinary } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { MessageQuerySchema } from "@parley/api/internal/messenger";
import {
  type CreateSearchTaskRequest,
  type CreateSearchTaskResponse,
  CreateSearchTaskResponseSchema,
} from "@parley/api/v2/search";
import type { SearchParts } from "#search/parts.ts";
import { parseQuery } from "#search/query/parse-query.ts";
import { resolveQuery } from "#search/query/resolve-query.ts";
import { callerOf } from "#search/rpc/input.ts";
import { taskView } from "#search/rpc/task-view.ts";
import { toSearchFault } from "#search/upstream.ts";

const lookUpTimeoutMs = 2_000;

/** Who is meant by "from:" is found out now, so that the task needs nobody but the messenger, and stays what it is. */
export function createSearchTask({ clients, tasks }: SearchParts) {
  return async (
    { query, fuzzy }: CreateSearchTaskRequest,
    context: HandlerContext,
  ): Promise<CreateSearchTaskResponse> => {
    const actor = callerOf(context);
    const { signal } = context;
    const parsed = parseQuery(query, "query");
    const asked = { clients, actor, field: "query", timeoutMs: lookUpTimeoutMs, signal };
    const resolved = await resolveQuery(parsed, asked).catch((error) => {
      throw toSearchFault(error, signal);
    });
    const messageQuery = resolved && toBinary(MessageQuerySchema, { ...resolved, fuzzy });
    const task = await tasks.create({ userId: actor.userId, query: storable(query), messageQuery });
    return create(CreateSearchTaskResponseSchema, { task: taskView(task) });
  };
}

/** What PostgreSQL cannot keep means nothing in a query either. */
const storable = (query: string) => query.toWellFormed().replaceAll("\0", "\ufffd");
