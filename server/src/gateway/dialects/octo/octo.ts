/** Processing by a free and a paid provider, with the token in a cookie. See docs/old-apis/octo.md. */
import type { Dialect, DialectParts } from "#gateway/dialects/dialect.ts";
import { accountRoutes } from "#gateway/dialects/octo/accounts.ts";
import { toAnswer } from "#gateway/dialects/octo/errors.ts";
import { openApi } from "#gateway/dialects/octo/openapi.ts";
import { processingRoutes } from "#gateway/dialects/octo/processing.ts";
import { userRoutes } from "#gateway/dialects/octo/users.ts";
import { fault, toPublicError } from "#platform/errors.ts";

export function createOcto(parts: DialectParts): Dialect {
  return {
    name: "octo",
    basePaths: [
      "/auth/register",
      "/auth/login",
      "/auth/logout",
      "/users",
      "/welcome",
      "/free_provider",
      "/paid_provider",
    ],
    routes: [...accountRoutes(parts), ...userRoutes(parts), ...processingRoutes(parts)],
    identify: (request, context) =>
      // Only signing in answers LOGIN_BAD_CREDENTIALS; elsewhere a wrong password is no credential at all.
      parts.credentials.ofAny(request, context).catch((error) => {
        throw toPublicError(error).code === "bad-credentials" ? fault("unauthenticated") : error;
      }),
    toAnswer,
    openApi,
  };
}
