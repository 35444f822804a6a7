import type { ServiceImpl } from "@connectrpc/connect";
import type { UserService } from "@parley/api/v2/user";
import { parseEmail } from "#identity/email.ts";
import { foldName, minQueryCharacters, queryGrams } from "#identity/name-search.ts";
import type { IdentityParts } from "#identity/parts.ts";
import type { UserRow } from "#identity/store-users.ts";
import { userSeenBy, userWithEmail } from "#identity/user-view.ts";
import { requireActor } from "#platform/actor.ts";
import { fault, invalidInput } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";

type ListUsers = ServiceImpl<typeof UserService>["listUsers"];

const defaultLimit = 20;
const maxLimit = 100;
const maxIds = 100;

export function listUsers({ store }: IdentityParts): ListUsers {
  return async (request, context) => {
    const actor = requireActor(context);
    const { email, query, ids } = request;
    const filters = [email !== "", query !== "", ids.length > 0].filter(Boolean).length;
    if (filters !== 1) throw fault("invalid-input", { detail: "give exactly one of email, query and ids" });

    if (email) return { users: (await byEmail(store, email)).map(userWithEmail) };
    const limit = Math.min(request.limit || defaultLimit, maxLimit);
    const rows = query ? await byName(store, query, limit) : await byIds(store, ids);
    return { users: rows.map((row) => userSeenBy(actor.userId, row)) };
  };
}

async function byEmail(store: IdentityParts["store"], text: string): Promise<UserRow[]> {
  const email = parseEmail(text);
  const row = email && (await store.users.byEmail(email.key));
  return row ? [row] : [];
}

async function byName(store: IdentityParts["store"], query: string, limit: number): Promise<UserRow[]> {
  const folded = foldName(query);
  if (/\p{Cc}|\p{Cs}/u.test(folded)) throw invalidInput("query", "must not hold control characters");
  if ([...folded].length < minQueryCharacters) {
    throw invalidInput("query", `must have at least ${minQueryCharacters} letters`);
  }
  return store.users.byName(folded, queryGrams(folded), limit);
}

/** In the order asked for; ids of nobody are left out. */
async function byIds(store: IdentityParts["store"], ids: string[]): Promise<UserRow[]> {
  const wanted = [...new Set(ids.map((id) => id.toLowerCase()))];
  if (wanted.length > maxIds) throw invalidInput("ids", `must be at most ${maxIds}`);
  if (!wanted.every(isUuid)) throw invalidInput("ids", "must be UUIDs");
  const found = new Map((await store.users.byIds(wanted)).map((row) => [row.id, row]));
  return wanted.flatMap((id) => found.get(id) ?? []);
}
