import { create } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import {
  type GetSearchTaskRequest,
  type GetSearchTaskResponse,
  GetSearchTaskResponseSchema,
} from "@parley/api/v2/search";
import type { SearchParts } from "#search/parts.ts";
import { callerOf } from "#search/rpc/input.ts";
import { requireTask } from "#search/rpc/require-task.ts";
import { taskView } from "#search/rpc/task-view.ts";

export function getSearchTask({ tasks }: SearchParts) {
  return async ({ id }: GetSearchTaskRequest, context: HandlerContext): Promise<GetSearchTaskResponse> => {
    const task = await requireTask(tasks, id, callerOf(context));
    return create(GetSearchTaskResponseSchema, { task: taskView(task) });
  };
}
