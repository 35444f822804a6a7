/** What goes wrong between two processes, as against what a service answers. */
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "@parley/api/v2/errors";
import { fault, toPublicError } from "#platform/errors.ts";

/** Why a call is "unavailable": the cause of the fault that is thrown. */
export class WireError extends Error {
  /** False: the call has certainly not been carried out. */
  readonly mayBeCarriedOut: boolean;

  constructor(message: string, mayBeCarriedOut: boolean, cause: unknown) {
    super(message, { cause });
    this.name = "WireError";
    this.mayBeCarriedOut = mayBeCarriedOut;
  }
}

export function connectionLost(cause: unknown): ConnectError {
  return fault("unavailable", {
    cause: new WireError("the connection to the service was lost", true, cause),
  });
}

export function notSent(cause: unknown): ConnectError {
  return fault("unavailable", { cause: new WireError("the service cannot be reached", false, cause) });
}

/** Undefined for what the service itself answered. */
export function wireErrorOf(error: unknown): WireError | undefined {
  return error instanceof Error && error.cause instanceof WireError ? error.cause : undefined;
}

export const isRefusal = (error: unknown) => toPublicError(error).code === "service-refused";

/** An answer of the service says what is wrong (ErrorInfo); whatever does not, came from the connection. */
export function toWireError(error: unknown): unknown {
  if (wireErrorOf(error)) return error;
  if (!(error instanceof ConnectError)) return connectionLost(error);
  if (error.findDetails(ErrorInfoSchema).length > 0) return restate(error);
  if (error.code === Code.DeadlineExceeded) return error;
  return neverSent.some((sign) => error.message.includes(sign)) ? notSent(error) : connectionLost(error);
}

/**
 * A refused stream has not been processed (RFC 9113, 8.7). The others are Node's, for a stream that could not be opened
 * because the connection had just ended, or had been told to (ERR_HTTP2_INVALID_SESSION, ERR_HTTP2_GOAWAY_SESSION).
 */
const neverSent = [
  "REFUSED_STREAM",
  "The session has been destroyed",
  "New streams cannot be created after receiving a GOAWAY",
];

/** The same error as if it had been thrown here: none of the headers that it came with. */
function restate(error: ConnectError): ConnectError {
  const { code, ...told } = toPublicError(error);
  return fault(code, { ...told, cause: error });
}
