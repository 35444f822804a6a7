import type { ServiceImpl } from "@connectrpc/connect";
import type { UserService } from "@parley/api/v2/user";
import type { IdentityParts } from "#identity/parts.ts";
import { userSeenBy } from "#identity/user-view.ts";
import { requireActor } from "#platform/actor.ts";
import { fault } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";

type GetUser = ServiceImpl<typeof UserService>["getUser"];

export function getUser({ store }: IdentityParts): GetUser {
  return async (request, context) => {
    const actor = requireActor(context);
    const [row] = isUuid(request.id) ? await store.users.byIds([request.id]) : [];
    if (!row) throw fault("user-not-found");
    return { user: userSeenBy(actor.userId, row) };
  };
}
