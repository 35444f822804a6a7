import type { IdentityConfig } from "#identity/config.ts";
import { parseEmail } from "#identity/email.ts";
import type { UserRow } from "#identity/store-users.ts";

/** The user's own roles, and those for which the settings name the user's address. */
export function rolesOf({ roles, emailKey }: UserRow, config: IdentityConfig): string[] {
  return [...new Set([...roles, ...namedRoles(emailKey, config)])];
}

/** Whether the settings name the address for some role. */
export const hasNamedRoles = (emailKey: string | null, config: IdentityConfig): boolean =>
  namedRoles(emailKey, config).length > 0;

function namedRoles(emailKey: string | null, config: IdentityConfig): string[] {
  const isNamedIn = (addresses: readonly string[]) =>
    emailKey !== null && addresses.some((address) => parseEmail(address)?.key === emailKey);
  return [
    ...(isNamedIn(config.PARLEY_ADMIN_EMAILS) ? ["admin"] : []),
    ...(isNamedIn(config.PARLEY_PAID_EMAILS) ? ["paid"] : []),
  ];
}
