import type { HandlerContext } from "@connectrpc/connect";
import type { GetProcessRequest, ProcessResponse } from "@parley/api/v2/process";
import type { DispatchParts } from "#dispatch/parts.ts";
import { callerOf } from "#dispatch/rpc/input.ts";
import { withKeptRequests } from "#dispatch/rpc/kept-requests.ts";
import { viewOfRow } from "#dispatch/rpc/process-view.ts";
import { fault } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";

export function getProcess(parts: DispatchParts) {
  return async ({ id }: GetProcessRequest, context: HandlerContext): Promise<ProcessResponse> => {
    const { userId } = callerOf(parts, context);
    const row = isUuid(id) ? await withKeptRequests(parts.requests.find(id, userId)) : undefined;
    if (!row) throw fault("process-not-found");
    return viewOfRow(row, parts.catalogue.currency);
  };
}
