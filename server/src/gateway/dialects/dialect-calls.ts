/** How dialects ask the services, on behalf of whoever asks them. */
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { CallOptions } from "@connectrpc/connect";
import type { Call, CallContext } from "#gateway/call.ts";
import { callOptions } from "#gateway/call-options.ts";

export interface DialectCalls {
  /** For methods of the public contract: validates, authorises, calls. */
  readonly call: <Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    request: MessageInitShape<Input>,
    context: CallContext,
  ) => Promise<MessageShape<Output>>;
  /** For internal methods; with the gateway's deadline, or the context's if that is sooner. */
  readonly optionsFor: (context: CallContext) => CallOptions;
}

export function createDialectCalls(call: Call, maxTimeoutMs: number): DialectCalls {
  return {
    call: (method, request, context) =>
      call(method, create(method.input, request), context) as Promise<MessageShape<typeof method.output>>,
    optionsFor: ({ timeoutMs = maxTimeoutMs, ...context }) =>
      callOptions({ ...context, timeoutMs: Math.min(timeoutMs, maxTimeoutMs) }),
  };
}
