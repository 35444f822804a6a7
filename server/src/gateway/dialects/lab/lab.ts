/** A gateway with HTTP Basic, which gets a token from the user service for each request. */
import type { Dialect, DialectParts } from "#gateway/dialects/dialect.ts";

export function createLab({ credentials }: DialectParts): Dialect {
  return {
    name: "lab",
    routes: [],
    identify: (request, context) => credentials.ofAny(request, context),
    toAnswer: ({ status, code }) => ({ status, body: { detail: code } }),
    openApi: { title: "lab", description: "", paths: {} },
  };
}
