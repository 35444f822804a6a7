/** What goes wrong at the services that search asks, as its own callers are to see it. */
import { ConnectError } from "@connectrpc/connect";
import { type ErrorCode, fault, toPublicError } from "#platform/errors.ts";

const awayCodes: ReadonlySet<ErrorCode> = new Set([
  "unavailable",
  "circuit-open",
  "overloaded",
  "timeout",
  "internal",
  "cancelled",
  "service-refused",
  "route-not-found",
]);

/**
 * A code of its own, so that callers do not take search itself to be away: its tasks can be looked at all the same. One
 * that the caller ended stays what it is.
 */
export function toSearchFault(error: unknown, signal: AbortSignal): unknown {
  // What is no ConnectError is a fault of our own.
  if (signal.aborted || !(error instanceof ConnectError)) return error;
  const { code, retryAfterMs } = toPublicError(error);
  return awayCodes.has(code) ? fault("search-unavailable", { cause: error, retryAfterMs }) : error;
}

export const isTimeout = (error: unknown): boolean => toPublicError(error).code === "timeout";
