/** Errors as this API tells them: {"type", "title", "status", "detail"}. */
import type { DialectAnswer } from "#gateway/dialects/dialect.ts";
import type { PublicError } from "#platform/errors.ts";

/** Basic first: it is what old clients know. */
const challenge = 'Basic realm="parley", charset="UTF-8"';

export function toAnswer({ code, status, title, detail }: PublicError): DialectAnswer {
  const body = { type: `/docs/errors#${code}`, title, status, detail: detailOf(code, detail) };
  return { status, body, ...(status === 401 ? { headers: { "www-authenticate": challenge } } : {}) };
}

const detailOf = (code: string, detail: string) =>
  code === "bad-credentials" ? "Wrong login or password" : detail;
