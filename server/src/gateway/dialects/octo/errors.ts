/**
 * Errors as this API tells them: {"detail"}, as that system's framework has it; where the server is at fault with "ok" besides,
 * which clients of the providers look at.
 */
import type { DialectAnswer } from "#gateway/dialects/dialect.ts";
import { type ErrorCode, fault, type PublicError, toPublicError } from "#platform/errors.ts";

export function toAnswer({ code, status, detail }: PublicError): DialectAnswer {
  if (code === "bad-credentials") return refusal(400, "LOGIN_BAD_CREDENTIALS");
  if (code === "account-exists") return refusal(400, detail);
  if (code === "payment-required") return refusal(403, detail);
  if (code === "spend-cap-reached") return { status: 503, body: { ok: false, detail } };
  if (status === 401) return refusal(401, "Unauthorized");
  if (code === "route-not-found") return refusal(404, "Not Found");
  if (code === "method-not-allowed") return refusal(405, "Method Not Allowed");
  return status < 500 ? refusal(status, detail) : { status, body: { ok: false, detail } };
}

const refusal = (status: number, detail: string): DialectAnswer => ({ status, body: { detail } });

/** What that system said of an address that is taken depended on what it was wanted for. */
export async function sayingWhenTaken<T>(
  detail: "REGISTER_USER_ALREADY_EXISTS" | "UPDATE_USER_EMAIL_ALREADY_EXISTS",
  work: Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const taken: ErrorCode = "account-exists";
    throw toPublicError(error).code === taken ? fault(taken, { detail, cause: error }) : error;
  }
}
