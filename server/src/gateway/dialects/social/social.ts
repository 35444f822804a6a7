/** A gateway over accounts and chats: bare tokens, direct chats, a WebSocket whose payloads are JSON in strings. */
import type { Dialect, DialectParts } from "#gateway/dialects/dialect.ts";

export function createSocial({ credentials }: DialectParts): Dialect {
  return {
    name: "social",
    routes: [],
    identify: (request, context) => credentials.ofAny(request, context),
    toAnswer: ({ status, code }) => ({ status, body: { message: code } }),
    openApi: { title: "social", description: "", paths: {} },
  };
}
