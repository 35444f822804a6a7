import type { ServiceImpl } from "@connectrpc/connect";
import type { AuthService } from "@parley/api/v2/auth";
import { checkCredentials } from "#identity/credentials.ts";
import { beginSession } from "#identity/new-session.ts";
import type { IdentityParts } from "#identity/parts.ts";

type SignIn = ServiceImpl<typeof AuthService>["signIn"];

export function signIn(parts: IdentityParts): SignIn {
  return async ({ email, password }, context) => {
    const user = await checkCredentials(parts, email, password, context.signal);
    return (await beginSession(parts, user, context)).pair;
  };
}
