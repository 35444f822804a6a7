/** A user as this API shows them. */
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Allowance } from "@parley/api/internal/dispatch";
import type { Account } from "@parley/api/internal/identity";
import type { CallContext } from "#gateway/call.ts";
import type { DialectParts } from "#gateway/dialects/dialect.ts";

export interface OctoUser {
  id: string;
  email: string;
  is_active: true;
  is_superuser: false;
  is_verified: false;
  paid_access: boolean;
  /** Null while dispatch, which counts them, cannot be asked. */
  free_messages_left: number | null;
  /** The day (UTC) on which there are new ones. */
  refresh_at: string | null;
}

/** The rest of the answer is not worth a longer wait. */
const maxWaitMs = 2_000;

export async function userView(
  parts: DialectParts,
  account: Account,
  context: CallContext,
): Promise<OctoUser> {
  const allowance = await allowanceOf(parts, account, context);
  const refreshedAt = allowance?.refreshedAt;
  return {
    id: account.userId,
    email: account.email,
    is_active: true,
    is_superuser: false,
    is_verified: false,
    paid_access: (context.caller ?? account).roles.includes("paid"),
    free_messages_left: allowance?.left ?? null,
    refresh_at: refreshedAt ? timestampDate(refreshedAt).toISOString().slice(0, 10) : null,
  };
}

/** An account must not seem not to have been made because of what only its answer shows. */
async function allowanceOf(
  { clients, optionsFor, clock, log }: DialectParts,
  { userId, roles }: Account,
  context: CallContext,
): Promise<Allowance | undefined> {
  // Who has just registered is not signed in, but it is they who ask.
  const caller = context.caller ?? { userId, roles, sessionId: "", tokenExpiresAt: clock.now() };
  try {
    const options = optionsFor({ ...context, caller, timeoutMs: maxWaitMs });
    return (await clients.dispatchInternal.getAllowance({}, options)).allowance;
  } catch (error) {
    log.debug({ err: error }, "an allowance could not be asked for");
    return undefined;
  }
}
