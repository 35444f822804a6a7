import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import type { Allowance, GetAllowanceRequest, GetAllowanceResponse } from "@parley/api/internal/dispatch";
import type { AllowanceState } from "#dispatch/allowance/allowances.ts";
import type { DispatchParts } from "#dispatch/parts.ts";
import { callerOf } from "#dispatch/rpc/input.ts";
import { withKeptRequests } from "#dispatch/rpc/kept-requests.ts";

export function getAllowance(parts: DispatchParts) {
  return async (_request: GetAllowanceRequest, context: HandlerContext): Promise<GetAllowanceResponse> => {
    const { userId } = callerOf(parts, context);
    const state = await withKeptRequests(parts.allowances.read(userId));
    return { $typeName: "parley.internal.v1.GetAllowanceResponse", allowance: allowanceMessage(state) };
  };
}

export const allowanceMessage = ({ left, refreshedAtMs }: AllowanceState): Allowance => ({
  $typeName: "parley.internal.v1.Allowance",
  left,
  refreshedAt: timestampFromMs(refreshedAtMs),
});
