/** Errors as REST tells them: problem documents (RFC 9457) with the code of the registry. */
import type { PublicError } from "#platform/errors.ts";

export interface Problem {
  status: number;
  headers: Record<string, string>;
  body: string;
}

const problemType = "application/problem+json; charset=utf-8";

/** A request that came without any credentials is to be told so: hasCredentials false. */
export function toProblem(
  error: PublicError,
  traceId: string,
  { hasCredentials = true }: { hasCredentials?: boolean } = {},
): Problem {
  const { code, status, title, detail, violations, retryAfterMs } = error;
  const document = {
    type: `/docs/errors#${code}`,
    title,
    status,
    code,
    detail,
    traceId,
    ...(violations.length > 0 ? { violations } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
  return { status, headers: problemHeaders(error, hasCredentials), body: JSON.stringify(document) };
}

function problemHeaders(error: PublicError, hasCredentials: boolean): Record<string, string> {
  const { code, status, retryAfterMs } = error;
  const headers = { "content-type": problemType, "cache-control": "no-store" };
  // In whole seconds (RFC 9110, section 10.2.3): rather too late than too early.
  if (retryAfterMs) return { ...headers, "retry-after": String(Math.ceil(retryAfterMs / 1_000)) };
  if (status === 401) return { ...headers, "www-authenticate": hasCredentials ? challenge(code) : "Bearer" };
  if (status === 503) return { ...headers, "retry-after": "1" };
  return headers;
}

/** RFC 6750: a request without a token is told no error, one with a bad token that it is bad. */
function challenge(code: string): string {
  if (code === "token-expired") return 'Bearer error="invalid_token", error_description="expired"';
  return code === "unauthenticated" ? 'Bearer error="invalid_token"' : "Bearer";
}
