/** Errors as this API tells them: {"msg": "…"}. */
import type { DialectAnswer } from "#gateway/dialects/dialect.ts";
import type { PublicError } from "#platform/errors.ts";

export function toAnswer({ code, status, detail }: PublicError): DialectAnswer {
  const msg = code === "blob-not-found" ? "There is no such key" : detail;
  return { status, body: { msg }, ...(status === 401 ? { headers: { "www-authenticate": "Bearer" } } : {}) };
}
