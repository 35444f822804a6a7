/** Processing by a free and a paid provider, with the token in a cookie. */
import type { Dialect, DialectParts } from "#gateway/dialects/dialect.ts";

export function createOcto({ credentials }: DialectParts): Dialect {
  return {
    name: "octo",
    routes: [],
    identify: (request, context) => credentials.ofAny(request, context),
    toAnswer: ({ status, code }) => ({ status, body: { detail: code } }),
    openApi: { title: "octo", description: "", paths: {} },
  };
}
