/** GetMe and UpdateMe. */
import type { ServiceImpl } from "@connectrpc/connect";
import type { UserService } from "@parley/api/v2/user";
import { requireDisplayName } from "#identity/display-name.ts";
import { nameColumns } from "#identity/name-search.ts";
import type { IdentityParts } from "#identity/parts.ts";
import { userWithEmail } from "#identity/user-view.ts";
import { requireActor } from "#platform/actor.ts";
import { fault } from "#platform/errors.ts";
import { tags } from "#platform/stamps/stamps.ts";

type Users = ServiceImpl<typeof UserService>;

export function getMe({ store }: IdentityParts): Users["getMe"] {
  return async (_request, context) => {
    const { userId } = requireActor(context);
    const [row] = await store.users.byIds([userId]);
    if (!row) throw fault("user-not-found");
    return { user: userWithEmail(row) };
  };
}

export function updateMe({ store, stamps }: IdentityParts): Users["updateMe"] {
  return async (request, context) => {
    const { userId } = requireActor(context);
    const row = await store.users.rename(userId, nameColumns(requireDisplayName(request.name)));
    if (!row) throw fault("user-not-found");
    await stamps.change([tags.user(row.id), tags.accounts()]);
    return { user: userWithEmail(row) };
  };
}
