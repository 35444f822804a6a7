/** What the errors of a connection say about a request. */
import type { SendOutcome } from "#dispatch/sending/sender.ts";

/** What errors of sockets, DNS, TLS and undici carry. */
type ConnectionError = Error & { code?: unknown; syscall?: unknown; data?: unknown };

/** Without the message, which may hold parts of an answer. */
export function errorCode({ code, name }: ConnectionError): string {
  return typeof code === "string" ? code : name;
}

/** It was not written to any connection. */
export function unsentOutcome(error: ConnectionError): SendOutcome {
  if (error.code === "PARLEY_PRIVATE_NETWORK") return { kind: "unsent", reason: "private-network" };
  return { kind: "unsent", reason: error.syscall === "getaddrinfo" ? "dns" : "connect" };
}

/**
 * It was written, at least in part. Also a connection that the provider closed while it was idle counts as lost: what was
 * written to it may have been read.
 */
export function lostOutcome(error: ConnectionError): SendOutcome {
  if (error.code === "UND_ERR_HEADERS_OVERFLOW") return { kind: "failed", reason: "too-large" };
  // The parser also fails where an answer ends too early; then there is no data that it could not read.
  const isGarbage = error.name === "HTTPParserError" && error.data !== "";
  return isGarbage ? { kind: "failed", reason: "not-http" } : { kind: "unknown", reason: "connection-lost" };
}
