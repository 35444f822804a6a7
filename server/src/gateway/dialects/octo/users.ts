/** The user's own account. */
import type { Account } from "@parley/api/internal/identity";
import { readCookie } from "#gateway/auth/cookies.ts";
import { octoCookie } from "#gateway/dialects/credentials.ts";
import type {
  DialectAnswer,
  DialectExchange,
  DialectParts,
  DialectRoute,
  JsonObject,
} from "#gateway/dialects/dialect.ts";
import { requiredText } from "#gateway/dialects/fields.ts";
import { sayingWhenTaken } from "#gateway/dialects/octo/errors.ts";
import { octoUser } from "#gateway/dialects/octo/octo-user.ts";
import { fault } from "#platform/errors.ts";

export function userRoutes(parts: DialectParts): DialectRoute[] {
  const own = {
    template: "/users/me",
    access: "required",
    successor: "/v2/users/me",
  } as const;
  return [
    {
      ...own,
      method: "GET",
      rate: "read",
      serve: async (exchange) => ({
        body: await octoUser(parts, await ownAccount(parts, exchange), exchange.context),
      }),
    },
    { ...own, method: "PATCH", rate: "write", serve: (exchange) => change(parts, exchange) },
    {
      method: "GET",
      template: "/welcome",
      access: "required",
      rate: "read",
      successor: "/v2/users/me",
      serve: async (exchange) => {
        const { email, login } = await ownAccount(parts, exchange);
        return { body: { ok: true, response: `Welcome, ${email || login}` } };
      },
    },
  ];
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

/** Whatever else a client sends along is not for it to change. */
async function change(parts: DialectParts, exchange: DialectExchange): Promise<DialectAnswer> {
  const { caller, context } = exchange;
  const body = exchange.json();
  const { userId } = caller;
  const sessionId = keptSessionOf(exchange);
  const changes = { ...given(body, "email"), ...given(body, "password") };
  const request = { userId, sessionId, ...changes };
  const updated = parts.clients.identity.updateAccount(request, parts.optionsFor(context));
  const { account } = await sayingWhenTaken("UPDATE_USER_EMAIL_ALREADY_EXISTS", updated);
  return { body: await octoUser(parts, account!, context) };
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
