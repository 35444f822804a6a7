import { setTimeout as delay } from "node:timers/promises";
import type { ServiceImpl } from "@connectrpc/connect";
import type { IdentityInternalService, UpdateAccountRequest } from "@parley/api/internal/identity";
import { requireEmail, requireOldPassword } from "#identity/account-fields.ts";
import { accountView } from "#identity/account-view.ts";
import { announceEnded } from "#identity/ended-sessions.ts";
import type { IdentityParts } from "#identity/parts.ts";
import { hasNamedRoles } from "#identity/roles.ts";
import type { AccountChanges, AccountRow } from "#identity/store-accounts.ts";
import { isTransient } from "#platform/database.ts";
import { fault } from "#platform/errors.ts";
import { tags } from "#platform/stamps/stamps.ts";
import { isUuid } from "#platform/uuid.ts";

type UpdateAccount = ServiceImpl<typeof IdentityInternalService>["updateAccount"];

export function updateAccount(parts: IdentityParts): UpdateAccount {
  const { store, config, bus, stamps } = parts;
  return async (request, context) => {
    const userId = request.userId.toLowerCase();
    const [former] = isUuid(userId) ? await store.accounts.list([userId]) : [];
    if (!former) throw fault("user-not-found");
    const changes = await toChanges(parts, request, former, context.signal);

    const { row, ended } = await persistently(() => apply(parts, userId, request.sessionId, changes));
    announceEnded(bus, userId, ended);
    await stamps.change([tags.user(userId), tags.accounts()]);
    return { account: accountView(row, config) };
  };
}

const maxAttempts = 5;
const longestPauseMs = 50;

/**
 * Changes that wait for each other do so until the database refuses one of them. That one pauses before it is tried
 * again: at once, it may get ahead of whoever it was refused for, and they wait for each other once more.
 */
async function persistently<T>(change: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await change();
    } catch (error) {
      if (!isTransient(error) || attempt === maxAttempts) throw error;
      await delay(longestPauseMs * (0.5 + Math.random() / 2));
    }
  }
}

async function toChanges(
  { passwords, config }: IdentityParts,
  { email, password }: UpdateAccountRequest,
  former: AccountRow,
  signal: AbortSignal,
): Promise<AccountChanges> {
  const changes: AccountChanges = {};
  if (email !== undefined) {
    const { given, key } = requireEmail(email);
    requireNoRolesMove(former.emailKey, key, config);
    Object.assign(changes, { email: given, emailKey: key });
  }
  if (password !== undefined) {
    requireOldPassword(password);
    changes.passwordHash = await passwords.hash(password, signal);
  }
  return changes;
}

/** Roles that settings give to an address stay with who has it: it is neither left to others nor taken on. */
function requireNoRolesMove(from: string | null, to: string, config: IdentityParts["config"]) {
  if (from === to) return;
  if (hasNamedRoles(from, config) || hasNamedRoles(to, config)) {
    throw fault("forbidden", { detail: "An address that has roles cannot be changed" });
  }
}

async function apply(
  { store, clock }: IdentityParts,
  userId: string,
  keptSession: string,
  to: AccountChanges,
) {
  return store.transaction(async (tx) => {
    // First, as its lock keeps sign-ins with the former password from coming between.
    const row = await store.accounts.change(tx, userId, to);
    if (!row) throw fault("user-not-found");
    if (row === "taken") throw fault("account-exists");
    if (!to.passwordHash) return { row, ended: [] };
    const kept = isUuid(keptSession) ? keptSession : null;
    return { row, ended: await store.sessions.endOthers(tx, userId, kept, new Date(clock.now())) };
  });
}
