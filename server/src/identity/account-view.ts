import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { AccountSchema } from "@parley/api/internal/identity";
import type { IdentityConfig } from "#identity/config.ts";
import { rolesOf } from "#identity/roles.ts";
import type { AccountRow } from "#identity/store-accounts.ts";

export function accountView(row: AccountRow, config: IdentityConfig): MessageInitShape<typeof AccountSchema> {
  return {
    userId: row.id,
    login: row.loginName ?? "",
    email: row.email ?? "",
    name: row.name,
    surname: row.surname,
    profile: row.profile,
    roles: rolesOf(row, config),
    createdAt: timestampFromDate(row.createdAt),
  };
}
