/**
 * A gateway that gets a token from the user service for whoever shows a password, and answers out of a cache.
 * See docs/old-apis/lab.md.
 */
import type { Dialect, DialectParts } from "#gateway/dialects/dialect.ts";
import { accountRoutes } from "#gateway/dialects/lab/accounts.ts";
import { toAnswer } from "#gateway/dialects/lab/errors.ts";
import { openApi } from "#gateway/dialects/lab/openapi.ts";
import { userRoutes } from "#gateway/dialects/lab/users.ts";

export function createLab(parts: DialectParts): Dialect {
  return {
    name: "lab",
    // Other APIs have paths below /auth as well.
    basePaths: ["/user", "/auth_check"],
    routes: [...accountRoutes(parts), ...userRoutes(parts)],
    identify: parts.credentials.ofAny,
    toAnswer,
    openApi,
  };
}
