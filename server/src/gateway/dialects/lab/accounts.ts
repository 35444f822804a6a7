/** Registration, and a token for a password. */
import type { DialectExchange, DialectParts, DialectRoute } from "#gateway/dialects/dialect.ts";
import { optionalText, requiredText } from "#gateway/dialects/fields.ts";
import { fault, invalidInput } from "#platform/errors.ts";

export function accountRoutes(parts: DialectParts): DialectRoute[] {
  return [register(parts), auth(parts)];
}

/** Its fields stand in the query, or in a form. */
function register({ clients, optionsFor }: DialectParts): DialectRoute {
  return {
    method: "POST",
    template: "/user",
    access: "public",
    rate: "sign-up",
    successor: "/v2/auth/sign-up",
    async serve(exchange) {
      const fields = fieldsOf(exchange);
      refuseUnreadable(fields);
      const title = optionalText(fields, "title");
      const request = {
        login: requiredText(fields, "login"),
        email: requiredText(fields, "email"),
        password: requiredText(fields, "password"),
        name: requiredText(fields, "first_name"),
        surname: requiredText(fields, "last_name"),
        profile: title === "" ? {} : { title },
      };
      const { account } = await clients.identity.registerAccount(request, optionsFor(exchange.context));
      return { text: account!.userId };
    },
  };
}

/** What is no UTF-8 is read as U+FFFD, whatever it was: different logins, and passwords, would become the same. */
function refuseUnreadable(fields: URLSearchParams): void {
  for (const [name, value] of fields) {
    if (value.includes("\ufffd")) throw invalidInput(name, "must be UTF-8");
  }
}

/** What stands in the query goes before what the body says. */
function fieldsOf({ request, query, form }: DialectExchange): URLSearchParams {
  const body = request.body as Buffer | undefined;
  if (!body || body.length === 0) return query;
  return new URLSearchParams([...query, ...form()]);
}

function auth({ credentials }: DialectParts): DialectRoute {
  return {
    method: "GET",
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
