import { randomUUID } from "node:crypto";
import type { ServiceImpl } from "@connectrpc/connect";
import type { AuthService } from "@parley/api/v2/auth";
import { requireEmail } from "#identity/account-fields.ts";
import { requireDisplayName } from "#identity/display-name.ts";
import { nameColumns } from "#identity/name-search.ts";
import type { IdentityParts } from "#identity/parts.ts";
import { requireAcceptablePassword } from "#identity/password-hashing.ts";
import { tags } from "#platform/stamps/stamps.ts";

type SignUp = ServiceImpl<typeof AuthService>["signUp"];

/** Does the same work, and answers the same, whether or not the address has an account already. */
export function signUp({ store, passwords, stamps, clock }: IdentityParts): SignUp {
  return async (request, context) => {
    const email = requireEmail(request.email);
    const name = requireDisplayName(request.name);
    requireAcceptablePassword(request.password);

    const passwordHash = await passwords.hash(request.password, context.signal);
    await store.users.add(
      { id: randomUUID(), ...nameColumns(name), createdAt: new Date(clock.now()) },
      { email: email.given, emailKey: email.key, passwordHash },
    );
    await stamps.change([tags.accounts()]);
    return {};
  };
}
