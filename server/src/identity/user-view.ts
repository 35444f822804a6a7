import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { UserSchema } from "@parley/api/v2/user";
import type { UserRow } from "#identity/store-users.ts";

/** A user as others see them. */
function publicUser(row: UserRow): MessageInitShape<typeof UserSchema> {
  return { id: row.id, name: row.name, createdAt: timestampFromDate(row.createdAt) };
}

/** A user as they see themselves, and as somebody sees them who knew the address. */
export function userWithEmail(row: UserRow): MessageInitShape<typeof UserSchema> {
  return { ...publicUser(row), email: row.email ?? "" };
}

export function userSeenBy(viewerId: string, row: UserRow): MessageInitShape<typeof UserSchema> {
  return row.id === viewerId ? userWithEmail(row) : publicUser(row);
}
