import { randomUUID } from "node:crypto";
import type { ServiceImpl } from "@connectrpc/connect";
import type { IdentityInternalService, RegisterAccountRequest } from "@parley/api/internal/identity";
import {
  defaultName,
  requireLogin,
  requireOldPassword,
  requireProfile,
  surnameColumns,
} from "#identity/account-fields.ts";
import { accountView } from "#identity/account-view.ts";
import { requireDisplayName } from "#identity/display-name.ts";
import { nameColumns } from "#identity/name-search.ts";
import type { IdentityParts } from "#identity/parts.ts";
import { createRegistrations } from "#identity/registrations.ts";
import type { NewAccount } from "#identity/store-accounts.ts";
import { fault } from "#platform/errors.ts";
import { tags } from "#platform/stamps/stamps.ts";

type Unprotected = Omit<NewAccount, "passwordHash">;
type RegisterAccount = ServiceImpl<typeof IdentityInternalService>["registerAccount"];

export function registerAccount(parts: IdentityParts): RegisterAccount {
  const { store, passwords, stamps, config } = parts;
  const registrations = createRegistrations();

  async function register(account: Unprotected, password: string, signal: AbortSignal) {
    // What is taken already is not worth a hash; whether it still is not, the insertion says.
    if (await store.accounts.isTaken(account)) throw fault("account-exists");
    const passwordHash = await passwords.hash(password, signal);
    const row = await store.accounts.add({ ...account, passwordHash });
    if (!row) throw fault("account-exists");
    return row;
  }

  return async (request, context) => {
    const account = toNewAccount(request, parts.clock.now());
    const row = await registrations.run(keysOf(account), () =>
      register(account, request.password, context.signal),
    );
    if (!row) throw fault("account-exists");
    await stamps.change([tags.accounts()]);
    return { account: accountView(row, config) };
  };
}

/** No login name is an address, so one kind of key is never mistaken for the other. */
const keysOf = ({ loginKey, emailKey }: Unprotected) => [loginKey, emailKey].filter((key) => key !== null);

function toNewAccount(request: RegisterAccountRequest, nowMs: number): Unprotected {
  const login = requireLogin(request.login, request.email);
  requireOldPassword(request.password);
  return {
    id: randomUUID(),
    createdAt: new Date(nowMs),
    ...nameColumns(requireDisplayName(request.name.trim() === "" ? defaultName(login) : request.name)),
    ...surnameColumns(request.surname),
    profile: requireProfile(request.profile),
    loginName: login.loginName?.given ?? null,
    loginKey: login.loginName?.key ?? null,
    email: login.email?.given ?? null,
    emailKey: login.email?.key ?? null,
  };
}
