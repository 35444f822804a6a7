import { create } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import {
  type DeleteSearchTaskRequest,
  type DeleteSearchTaskResponse,
  DeleteSearchTaskResponseSchema,
} from "@parley/api/v2/search";
import { fault } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";
import type { SearchParts } from "#search/parts.ts";
import { callerOf } from "#search/rpc/input.ts";

export function deleteSearchTask({ tasks }: SearchParts) {
  return async (
    { id }: DeleteSearchTaskRequest,
    context: HandlerContext,
  ): Promise<DeleteSearchTaskResponse> => {
    const { userId } = callerOf(context);
    if (!isUuid(id) || !(await tasks.remove(id, userId))) throw fault("search-task-not-found");
    return create(DeleteSearchTaskResponseSchema);
  };
}
