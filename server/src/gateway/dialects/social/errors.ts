/** Errors as this API tells them: {"code": <status>, "message": "…"}. */
import type { DialectAnswer } from "#gateway/dialects/dialect.ts";
import { type ErrorCode, errorKinds, type PublicError } from "#platform/errors.ts";

/** What it always answered 400 to. */
const badRequests: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["account-exists", "bad-credentials"]);

export interface OldError {
  readonly code: number;
  readonly message: string;
}

export function oldError(code: ErrorCode, message: string): OldError {
  return { code: badRequests.has(code) ? 400 : errorKinds[code].status, message };
}

export function toAnswer({ code, detail }: Pick<PublicError, "code" | "detail">): DialectAnswer {
  const body = oldError(code, detail);
  return { status: body.code, body };
}
