/**
 * Callers with little time. The service is told of it, and the caller does not go by it: so an answer that is late because the machine is
 * slow comes all the same.
 */
import type { CallOptions, ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { as } from "#test/pod-user.ts";

type Handler = (request: unknown, context: HandlerContext) => unknown;

const toldHeader = "test-time-left-ms";
const patienceMs = 60_000;

/** For calls of this user, who has so much time. */
export function hurried(userId: string, timeLeftMs: number): CallOptions {
  const { headers } = as(userId);
  return { headers: { ...headers, [toldHeader]: String(timeLeftMs) }, timeoutMs: patienceMs };
}

/** A router whose handlers are told. */
export function tellingTimeLeft(router: ConnectRouter): ConnectRouter {
  const told = (handler: Handler) => (request: unknown, context: HandlerContext) => {
    const timeLeftMs = context.requestHeader.get(toldHeader);
    if (timeLeftMs === null) return handler(request, context);
    return handler(request, Object.assign(context, { timeoutMs: () => Number(timeLeftMs) }));
  };
  const service = (type: never, handlers: Record<string, Handler>) => {
    const all = Object.entries(handlers).map(([name, handler]) => [name, told(handler)]);
    return router.service(type, Object.fromEntries(all) as never);
  };
  return { ...router, service } as never;
}
