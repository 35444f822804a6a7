import type { ServiceImpl } from "@connectrpc/connect";
import type { IdentityInternalService } from "@parley/api/internal/identity";
import { accountView } from "#identity/account-view.ts";
import type { IdentityParts } from "#identity/parts.ts";
import { invalidInput } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";

type ListAccounts = ServiceImpl<typeof IdentityInternalService>["listAccounts"];

const maxIds = 1_000;

export function listAccounts({ store, config }: IdentityParts): ListAccounts {
  return async ({ userIds }) => {
    if (userIds.length > maxIds) throw invalidInput("user_ids", `must be at most ${maxIds}`);
    const rows = await store.accounts.list(userIds.filter(isUuid));
    return { accounts: rows.map((row) => accountView(row, config)) };
  };
}
