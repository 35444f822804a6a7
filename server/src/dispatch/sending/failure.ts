/** What the errors of a connection say about a request. */
import type { SendOutcome } from "#dispatch/sending/sender.ts";

export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : "UNKNOWN";
}

/** It was not written to any connection. */
export function unsentOutcome(error: unknown): SendOutcome {
  const code = errorCode(error);
  if (code === "PARLEY_PRIVATE_NETWORK") return { kind: "unsent", reason: "private-network" };
  const isDns = (error as { syscall?: unknown } | undefined)?.syscall === "getaddrinfo";
  return { kind: "unsent", reason: isDns ? "dns" : "connect" };
}

/**
 * It was written, at least in part. Also a connection that the provider closed while it was idle counts as lost: what was
 * written to it may have been read.
 */
export function lostOutcome(error: unknown): SendOutcome {
  const code = errorCode(error);
  if (code === "UND_ERR_HEADERS_OVERFLOW") return { kind: "failed", reason: "too-large" };
  // The parser says so of an answer that ends too early as well.
  const isGarbage = code.startsWith("HPE_") && code !== "HPE_INVALID_EOF_STATE";
  if (isGarbage) return { kind: "failed", reason: "not-http" };
  return { kind: "unknown", reason: "connection-lost" };
}
