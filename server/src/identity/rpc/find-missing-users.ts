import type { ServiceImpl } from "@connectrpc/connect";
import type { IdentityInternalService } from "@parley/api/internal/identity";
import type { IdentityParts } from "#identity/parts.ts";
import { invalidInput } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";

type FindMissingUsers = ServiceImpl<typeof IdentityInternalService>["findMissingUsers"];

const maxIds = 10_000;

/** What is no UUID belongs to nobody either. */
export function findMissingUsers({ store }: IdentityParts): FindMissingUsers {
  return async ({ userIds }) => {
    if (userIds.length > maxIds) throw invalidInput("userIds", `must be at most ${maxIds}`);
    const wanted = [...new Set(userIds)];
    const missing = new Set(await store.users.missing(wanted.filter(isUuid)));
    return { userIds: wanted.filter((id) => !isUuid(id) || missing.has(id.toLowerCase())) };
  };
}
