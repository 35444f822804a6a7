import type { DialectExchange, DialectParts, DialectRoute } from "#gateway/dialects/dialect.ts";
import { optionalText, requiredText } from "#gateway/dialects/fields.ts";
import { invalidInput } from "#platform/errors.ts";

/** POST /user: its fields stand in the query, or in a form. */
export function registerRoute({ clients, optionsFor }: DialectParts): DialectRoute {
  return {
    method: "POST",
    path: "/user",
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
