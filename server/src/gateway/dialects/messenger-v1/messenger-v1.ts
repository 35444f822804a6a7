/** A REST messenger with sessions. */
import type { Dialect, DialectParts, DialectRoute } from "#gateway/dialects/dialect.ts";
import { fault } from "#platform/errors.ts";

export function createMessengerV1({ credentials }: DialectParts): Dialect {
  return {
    name: "messenger-v1",
    routes: [ping],
    async identify({ headers: { authorization } }) {
      if (authorization === undefined) return undefined;
      const key = /^session_id +([0-9a-f]{32})$/i.exec(authorization)?.[1];
      if (!key) throw fault("unauthenticated", { detail: "Authorization must be: session_id <session id>" });
      return credentials.ofSessionKey(key.toLowerCase());
    },
    toAnswer: ({ status, code }) => ({ status, body: { message: code } }),
    openApi: { title: "messenger-v1", description: "", paths: {} },
  };
}

const ping: DialectRoute = {
  method: "GET",
  path: "/ping",
  template: "/ping",
  access: "public",
  rate: "messenger-v1",
  successor: "/docs",
  serve: async () => ({}),
};
