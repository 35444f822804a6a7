/** What an error says about the service that was called. */
import { type ErrorCode, errorKinds, toPublicError } from "#platform/errors.ts";

export interface CallCircumstances {
  /** What the caller gave the call. */
  timeoutMs: number;
  /** A deadline below this is the caller's haste: that it passed says nothing about the service. */
  patienceMs: number;
  /** The caller went away. */
  isAborted: boolean;
}

/** The code of the failure, or undefined when the error says nothing about the service. */
export function circuitFailure(error: unknown, call: CallCircumstances): ErrorCode | undefined {
  const { code } = toPublicError(error);
  if (code === "timeout") return call.timeoutMs >= call.patienceMs ? code : undefined;
  if (call.isAborted) return undefined;
  // The service dropped the call, nobody else did.
  if (code === "cancelled") return code;
  return isFailure(code) ? code : undefined;
}

/**
 * A service that says it is overloaded is there and protects itself; its other methods may be fine. And a circuit that
 * is open further down, or a provider that fails, is the affair of that one; and dispatch without its database does all that needs
 * no row of it, as search without the messenger does what needs only its tasks, and blobs without
 * their store what needs no bytes.
 */
const refusals: ReadonlySet<ErrorCode> = new Set([
  "overloaded",
  "circuit-open",
  "no-provider",
  "provider-failed",
  "requests-unavailable",
  "search-unavailable",
  "blob-store-unavailable",
  "storage-full",
  "outcome-unknown",
]);

/** Whether an answer with this code is a failure of the service, rather than of the request. */
export function isFailure(code: ErrorCode): boolean {
  return errorKinds[code].status >= 500 && !refusals.has(code);
}
