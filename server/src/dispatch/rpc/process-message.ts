import type { HandlerContext } from "@connectrpc/connect";
import type { ProcessMessageRequest, ProcessMessageResponse } from "@parley/api/internal/dispatch";
import type { DispatchParts } from "#dispatch/parts.ts";
import { messageKey } from "#dispatch/requests/request-key.ts";
import { mayUsePaid, readKey, readText, readUserId, timeLeftMs } from "#dispatch/rpc/input.ts";
import { type ErrorCode, toPublicError } from "#platform/errors.ts";

/** While it is under way. */
const standardRetryMs = 5_000;

/** Nothing was processed, and it may go better later. */
const passing: ReadonlySet<ErrorCode> = new Set([
  "payment-required",
  "spend-cap-reached",
  "no-provider",
  "overloaded",
  "too-many-requests",
]);

/** Another try would not help. */
const lasting: ReadonlySet<ErrorCode> = new Set([
  "invalid-input",
  "processor-not-found",
  "idempotency-key-reused",
]);

export function processMessage(parts: DispatchParts) {
  return async (request: ProcessMessageRequest, context: HandlerContext): Promise<ProcessMessageResponse> => {
    try {
      const asked = {
        userId: readUserId("userId", request.userId),
        mayUsePaid: mayUsePaid(parts.catalogue, request.mayUsePaid),
        key: messageKey(readKey(request.idempotencyKey)),
        ...readText(parts, request),
      };
      const row = await parts.requests.attend(asked, timeLeftMs(context));
      if (row.status === "done") {
        return answer({ status: "done", result: row.result ?? "", provider: row.provider ?? "" });
      }
      if (row.status === "failed")
        return answer({ status: "failed", errorCode: row.errorCode ?? "internal" });
      return answer({ status: "later", retryAfterMs: standardRetryMs });
    } catch (error) {
      const { code, retryAfterMs = 0 } = toPublicError(error);
      const isNever = code === "payment-required" && !mayBeFree(parts, request.processor);
      if (isNever || lasting.has(code)) return answer({ status: "failed", errorCode: code });
      if (!passing.has(code)) throw error;
      return answer({ status: "later", errorCode: code, retryAfterMs: Math.ceil(retryAfterMs) });
    }
  };
}

/** Without a provider that costs nothing, who has no access to what costs need not wait. */
function mayBeFree({ catalogue }: DispatchParts, processor: string): boolean {
  const providers = catalogue.processors.get(processor || "default")?.providers ?? [];
  return providers.some(({ priceMicros }) => priceMicros === 0);
}

const answer = (
  fields: Pick<ProcessMessageResponse, "status"> & Partial<ProcessMessageResponse>,
): ProcessMessageResponse => ({
  $typeName: "parley.internal.v1.ProcessMessageResponse",
  result: "",
  provider: "",
  retryAfterMs: 0,
  errorCode: "",
  ...fields,
});
