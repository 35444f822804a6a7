import type { ServiceImpl } from "@connectrpc/connect";
import type { IdentityInternalService } from "@parley/api/internal/identity";
import { accountView } from "#identity/account-view.ts";
import { requireNamePart } from "#identity/display-name.ts";
import { foldName } from "#identity/name-search.ts";
import type { IdentityParts } from "#identity/parts.ts";

type FindAccounts = ServiceImpl<typeof IdentityInternalService>["findAccounts"];

const maxAccounts = 100;

export function findAccounts({ store, config }: IdentityParts): FindAccounts {
  return async (request) => {
    const namePrefix = foldName(requireNamePart("name_prefix", request.namePrefix));
    const surnamePrefix = foldName(requireNamePart("surname_prefix", request.surnamePrefix));
    const rows = await store.accounts.find(namePrefix, surnamePrefix, maxAccounts);
    return { accounts: rows.map((row) => accountView(row, config)) };
  };
}
