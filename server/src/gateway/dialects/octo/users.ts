/** The user's own account. */
import type { Account } from "@parley/api/internal/identity";
import { readCookie } from "#gateway/auth/cookies.ts";
import { octoCookie } from "#gateway/dialects/credentials/credentials.ts";
import type { DialectExchange, DialectParts, DialectRoute, JsonObject } from "#gateway/dialects/dialect.ts";
import { requiredText } from "#gateway/dialects/fields.ts";
import { sayingWhenTaken } from "#gateway/dialects/octo/errors.ts";
import { userView } from "#gateway/dialects/octo/user-view.ts";
import { fault } from "#platform/errors.ts";

const own = {
  template: "/users/me",
  access: "required",
  successor: "/v2/users/me",
} as const;

export function userRoutes(parts: DialectParts): DialectRoute[] {
  return [show(parts), change(parts), welcome(parts)];
}

function show(parts: DialectParts): DialectRoute {
  return {
    ...own,
    method: "GET",
    rate: "read",
    async serve(exchange) {
      return { body: await userView(parts, await ownAccount(parts, exchange), exchange.context) };
    },
  };
}

/** Whatever else a client sends along is not for it to change. */
function change(parts: DialectParts): DialectRoute {
  const { clients, optionsFor } = parts;
  return {
    ...own,
    method: "PATCH",
    rate: "write",
    async serve(exchange) {
      const { caller, context } = exchange;
      const body = exchange.json();
      const { userId } = caller;
      const sessionId = keptSessionOf(exchange);
      const request = { userId, sessionId, ...given(body, "email"), ...given(body, "password") };
      const updated = clients.identity.updateAccount(request, optionsFor(context));
      const { account } = await sayingWhenTaken("UPDATE_USER_EMAIL_ALREADY_EXISTS", updated);
      return { body: await userView(parts, account!, context) };
    },
  };
}

function welcome(parts: DialectParts): DialectRoute {
  return {
    ...own,
    method: "GET",
    template: "/welcome",
    rate: "read",
    async serve(exchange) {
      const { email, login } = await ownAccount(parts, exchange);
      return { body: { ok: true, response: `Welcome, ${email || login}` } };
    },
  };
}

async function ownAccount(
  { clients, optionsFor }: DialectParts,
  exchange: DialectExchange,
): Promise<Account> {
  const { caller, context } = exchange;
  const request = { userIds: [caller.userId] };
  const { accounts } = await clients.identity.listAccounts(request, optionsFor(context));
  const [account] = accounts;
  // One that is gone, or a user of an outside token issuer.
  if (!account) throw fault("unauthenticated");
  return account;
}

/**
 * What a new password leaves is the session of the cookie, which came of this API's own login. Behind other credentials may be
 * the session by which a gateway knows HTTP Basic with the former password, which it would go on to let in.
 */
function keptSessionOf({ request, query, caller }: DialectExchange): string {
  const { authorization, cookie } = request.headers;
  const isByCookie =
    authorization === undefined && !query.get("token") && readCookie(cookie, octoCookie) !== undefined;
  return isByCookie ? caller.sessionId : "";
}

function given<Name extends "email" | "password">(body: JsonObject, name: Name): { [N in Name]?: string } {
  const value = body[name];
  if (value === undefined || value === null) return {};
  return { [name]: requiredText(body, name) } as { [N in Name]?: string };
}
