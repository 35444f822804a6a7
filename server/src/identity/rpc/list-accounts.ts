import type { ServiceImpl } from "@connectrpc/connect";
import type { IdentityInternalService } from "@parley/api/internal/identity";
import { accountView } from "#identity/account-view.ts";
import { parseLogin } from "#identity/login-name.ts";
import type { IdentityParts } from "#identity/parts.ts";
import { invalidInput } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";

type ListAccounts = ServiceImpl<typeof IdentityInternalService>["listAccounts"];

const maxIds = 1_000;
const maxLogins = 100;

export function listAccounts({ store, config }: IdentityParts): ListAccounts {
  return async ({ userIds, logins }) => {
    if (userIds.length > maxIds) throw invalidInput("user_ids", `must be at most ${maxIds}`);
    if (logins.length > maxLogins) throw invalidInput("logins", `must be at most ${maxLogins}`);
    const parsed = logins.map(parseLogin);
    const rows = await store.accounts.list(
      userIds.filter(isUuid),
      parsed.flatMap(({ email }) => email?.key ?? []),
      parsed.flatMap(({ loginName }) => loginName?.key ?? []),
    );
    return { accounts: rows.map((row) => accountView(row, config)) };
  };
}
