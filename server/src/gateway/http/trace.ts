import { randomBytes } from "node:crypto";

const traceparent = /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}/;

/** The trace that a request belongs to (https://www.w3.org/TR/trace-context/), or a new one. */
export function traceIdOf(header: string | string[] | undefined): string {
  const given = typeof header === "string" ? traceparent.exec(header)?.[1] : undefined;
  return given ?? randomBytes(16).toString("hex");
}
