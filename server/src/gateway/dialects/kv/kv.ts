/** A binary key-value store: values in base64. */
import type { Dialect, DialectParts } from "#gateway/dialects/dialect.ts";

export function createKv({ credentials }: DialectParts): Dialect {
  return {
    name: "kv",
    routes: [],
    identify: (request, context) => credentials.ofAny(request, context),
    toAnswer: ({ status, code }) => ({ status, body: { msg: code } }),
    openApi: { title: "kv", description: "", paths: {} },
  };
}
