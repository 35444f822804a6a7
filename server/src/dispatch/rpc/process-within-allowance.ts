import type { HandlerContext } from "@connectrpc/connect";
import type {
  ProcessWithinAllowanceRequest,
  ProcessWithinAllowanceResponse,
} from "@parley/api/internal/dispatch";
import type { DispatchParts } from "#dispatch/parts.ts";
import { allowanceMessage } from "#dispatch/rpc/get-allowance.ts";
import { callerOf, hasPaidRole, readText } from "#dispatch/rpc/input.ts";
import { withKeptRequests } from "#dispatch/rpc/kept-requests.ts";
import { processNow } from "#dispatch/rpc/process.ts";
import { type ErrorCode, fault, toPublicError } from "#platform/errors.ts";

/** After these it may have been processed, and nobody can tell. */
const uncertain: ReadonlySet<ErrorCode> = new Set(["outcome-unknown", "internal"]);

/**
 * Beyond the allowance only the role counts: where everybody may use what costs, an allowance of what is free would be none.
 */
export function processWithinAllowance(parts: DispatchParts) {
  return async (
    request: ProcessWithinAllowanceRequest,
    context: HandlerContext,
  ): Promise<ProcessWithinAllowanceResponse> => {
    const caller = callerOf(parts, context);
    const asked = { ...caller, ...readText(parts, { text: request.text, processor: "" }) };
    const taken = await withKeptRequests(parts.allowances.take(caller.userId));
    if (!taken.isWithin && !hasPaidRole(context)) {
      throw fault("payment-required", { detail: spent, retryAfterMs: taken.refreshedInMs });
    }
    try {
      const process = await processNow(parts, asked, context);
      return {
        $typeName: "parley.internal.v1.ProcessWithinAllowanceResponse",
        process,
        allowance: allowanceMessage(taken),
      };
    } catch (error) {
      if (taken.isWithin && !uncertain.has(toPublicError(error).code)) await taken.giveBack();
      throw error;
    }
  };
}

const spent = "The free messages of the day are used up, and you have no paid access";
