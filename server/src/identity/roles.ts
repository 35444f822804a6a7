import type { IdentityConfig } from "#identity/config.ts";
import { parseEmail } from "#identity/email.ts";
import type { UserRow } from "#identity/store-users.ts";

/** The user's own roles, and those for which the settings name the user's address. */
export function rolesOf({ roles, emailKey }: UserRow, config: IdentityConfig): string[] {
  const isNamedIn = (addresses: readonly string[]) =>
    emailKey !== null && addresses.some((address) => parseEmail(address)?.key === emailKey);
  const named = [
    ...(isNamedIn(config.PARLEY_ADMIN_EMAILS) ? ["admin"] : []),
    ...(isNamedIn(config.PARLEY_PAID_EMAILS) ? ["paid"] : []),
  ];
  return [...new Set([...roles, ...named])];
}
