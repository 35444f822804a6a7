/** Authorization: session_id <32 hexadecimal digits>. */
import type { FastifyRequest } from "fastify";
import { fault } from "#platform/errors.ts";

/** Undefined when the request has no credentials at all. */
export function sessionKeyOf({ headers: { authorization } }: FastifyRequest): string | undefined {
  if (authorization === undefined) return undefined;
  const key = /^session_id +([0-9a-f]{32}) *$/i.exec(authorization)?.[1];
  if (!key) throw fault("unauthenticated", { detail: "Authorization must be: session_id <session id>" });
  return key.toLowerCase();
}
