import type { IdentityConfig } from "#identity/config.ts";
import { parseEmail } from "#identity/email.ts";
import type { UserRow } from "#identity/store-users.ts";

const adminRole = "admin";

/** The user's own roles, and "admin" for the addresses that the settings name. */
export function rolesOf(user: UserRow, config: IdentityConfig): string[] {
  const isNamedAdmin = config.PARLEY_ADMIN_EMAILS.some(
    (address) => user.emailKey !== null && parseEmail(address)?.key === user.emailKey,
  );
  return [...new Set(isNamedAdmin ? [...user.roles, adminRole] : user.roles)];
}
