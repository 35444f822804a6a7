import { randomUUID } from "node:crypto";
import type { ServiceImpl } from "@connectrpc/connect";
import type { AuthService } from "@parley/api/v2/auth";
import { requireDisplayName } from "#identity/display-name.ts";
import { parseEmail } from "#identity/email.ts";
import { foldName, nameGrams } from "#identity/name-search.ts";
import type { IdentityParts } from "#identity/parts.ts";
import { requireAcceptablePassword } from "#identity/password-hashing.ts";
import { invalidInput } from "#platform/errors.ts";
import { tags } from "#platform/stamps/stamps.ts";

type SignUp = ServiceImpl<typeof AuthService>["signUp"];

/** Does the same work, and answers the same, whether or not the address has an account already. */
export function signUp({ store, passwords, stamps, clock }: IdentityParts): SignUp {
  return async (request, context) => {
    const email = parseEmail(request.email);
    if (!email) throw invalidInput("email", "must be an email address");
    const name = requireDisplayName(request.name);
    requireAcceptablePassword(request.password);

    const passwordHash = await passwords.hash(request.password, context.signal);
    const nameFolded = foldName(name);
    await store.users.add(
      {
        id: randomUUID(),
        name,
        nameFolded,
        nameGrams: nameGrams(nameFolded),
        createdAt: new Date(clock.now()),
      },
      { email: email.given, emailKey: email.key, passwordHash },
    );
    await stamps.change([tags.accounts()]);
    return {};
  };
}
