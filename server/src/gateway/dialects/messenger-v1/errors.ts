/** Errors as this API tells them: {"message": "<reason>"}, with one of the few statuses that old clients know. */
import type { DialectAnswer } from "#gateway/dialects/dialect.ts";
import type { ErrorCode, PublicError } from "#platform/errors.ts";

/** Where the reason is another word than the registry's code. */
const reasons: Partial<Record<ErrorCode, string>> = {
  "member-not-found": "user-not-found",
  "search-task-not-found": "task-not-found",
  "token-expired": "unauthenticated",
  "too-many-search-tasks": "too-many-requests",
};

/** What says something else than that the request is not good. */
const keptStatuses: ReadonlySet<number> = new Set([401, 403, 404, 405, 429]);

export function toAnswer({ status, code }: PublicError): DialectAnswer {
  if (status < 500 && !keptStatuses.has(status)) return { status: 400, body: { message: "bad-parameters" } };
  return { status, body: { message: reasons[code] ?? code } };
}
