/** What happens to every call, whatever transport it came by: authorise, throttle, validate, then the service. */
import { MessengerService } from "@parley/api/v2/messenger";
import { authorise } from "#gateway/access.ts";
import type { Call, Overrides } from "#gateway/call.ts";
import { callOptions } from "#gateway/call-options.ts";
import type { CallTurns } from "#gateway/call-turns.ts";
import type { GatewayClients } from "#gateway/clients.ts";
import { clientCalls } from "#gateway/public-services.ts";
import type { Throttle } from "#gateway/throttle/throttle.ts";
import { createValidate } from "#gateway/validation.ts";
import { takesItsTime } from "#platform/deferrable.ts";
import { fault, toFault } from "#platform/errors.ts";

export interface PipelineOptions {
  clients: GatewayClients;
  /** Methods that need more than their service's client. */
  overrides: Overrides;
  /** No call takes longer. */
  timeoutMs: number;
  turns: CallTurns;
  throttle: Pick<Throttle, "admit">;
}

export function createCall({ clients, overrides, timeoutMs, turns, throttle }: PipelineOptions): Call {
  const calls = clientCalls(clients);
  const validate = createValidate();
  return async (method, request, context) => {
    try {
      const callService = calls.get(method);
      const override = overrides.get(method);
      if (!callService && !override) throw fault("route-not-found");
      authorise(method, context.caller);
      // Mostly there is nothing to wait for; and those who wait go on in their order.
      const admission = context.isAdmitted ? undefined : throttle.admit(method, context);
      if (admission) await admission;
      validate(method.input, request);
      const bounded = { ...context, timeoutMs: Math.min(timeoutMs, context.timeoutMs ?? timeoutMs) };
      const run = () =>
        override ? override(request as never, bounded) : callService!(request, callOptions(bounded));
      // Sends have a queue of their own, which is bounded and keeps their order.
      if (method === MessengerService.method.sendMessage) return await run();
      const caller = context.caller?.userId ?? context.clientAddress;
      // What may take long must not keep the caller's other calls waiting.
      const turn = takesItsTime(method) ? `${caller} ${method.parent.name}` : caller;
      return await turns.run(turn, bounded, run);
    } catch (error) {
      throw toFault(error);
    }
  };
}
