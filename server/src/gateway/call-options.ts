/** What a service is told about the end user of a call. */
import type { CallOptions } from "@connectrpc/connect";
import type { CallContext } from "#gateway/call.ts";
import { actorHeaders } from "#platform/actor.ts";
import { traceparentHeader } from "#platform/trace.ts";

/** For calling a service's client on behalf of the context's caller. */
export function callOptions(context: CallContext): CallOptions {
  return {
    headers: callHeaders(context),
    ...(context.signal ? { signal: context.signal } : {}),
    ...(context.timeoutMs === undefined ? {} : { timeoutMs: context.timeoutMs }),
  };
}

function callHeaders({ caller, clientAddress, userAgent, trace }: CallContext): Record<string, string> {
  const headers: Record<string, string> = {
    "parley-client-address": clientAddress,
    "parley-client-user-agent": userAgent,
  };
  if (trace) headers[traceparentHeader] = trace.traceparent;
  if (!caller) return headers;
  const expires = String(Math.floor(caller.tokenExpiresAt / 1_000));
  return Object.assign(headers, actorHeaders(caller), { "parley-token-expires": expires });
}
