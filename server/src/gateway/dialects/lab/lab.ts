/** A gateway that gets a token from the user service for whoever shows a password, and answers out of a cache. */
import type { Dialect, DialectExchange, DialectParts, DialectRoute } from "#gateway/dialects/dialect.ts";
import { toAnswer } from "#gateway/dialects/lab/errors.ts";
import { openApi } from "#gateway/dialects/lab/openapi.ts";
import { registerRoute } from "#gateway/dialects/lab/register.ts";
import { userRoutes } from "#gateway/dialects/lab/users.ts";
import { fault } from "#platform/errors.ts";

export function createLab(parts: DialectParts): Dialect {
  const { credentials } = parts;
  return {
    name: "lab",
    routes: [registerRoute(parts), authRoute(parts), ...userRoutes(parts)],
    identify: credentials.ofAny,
    toAnswer,
    openApi,
  };
}

function authRoute({ credentials }: DialectParts): DialectRoute {
  return {
    method: "GET",
    path: "/auth",
    template: "/auth",
    access: "required",
    hasOwnBounds: true,
    // Where a password has to be checked, that counts as a sign-in.
    rate: "read",
    successor: "/v2/auth/sign-in",
    async serve(exchange) {
      const encoded = basicOf(exchange);
      const token = await credentials.tokenOfBasic(encoded, exchange.context);
      return { body: { id: exchange.caller.userId, token } };
    },
  };
}

function basicOf({ request }: DialectExchange): string {
  const encoded = /^ *Basic +(\S+) *$/i.exec(request.headers.authorization ?? "")?.[1];
  if (!encoded) throw fault("unauthenticated", { detail: "Authorization must be: Basic <login:password>" });
  return encoded;
}
