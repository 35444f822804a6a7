import { callOptions } from "#gateway/call-options.ts";
import type { DialectExchange, DialectParts, DialectRoute } from "#gateway/dialects/dialect.ts";
import { requiredText } from "#gateway/dialects/fields.ts";
import { createAnswerKept } from "#gateway/dialects/lab/kept-answers.ts";
import { userView } from "#gateway/dialects/lab/user-view.ts";
import { fault, invalidInput } from "#platform/errors.ts";
import { tags } from "#platform/stamps/stamps.ts";
import { isUuid } from "#platform/uuid.ts";

const maxMaskLength = 100;

/** Who there is. */
export function userRoutes(parts: DialectParts): DialectRoute[] {
  const answerKept = createAnswerKept(parts);
  const { config } = parts;
  const { identity } = parts.clients;
  // Not ended when this client goes: others may wait for the same answer.
  const optionsOf = ({ context: { signal: _, ...context } }: DialectExchange) =>
    callOptions({ ...context, signal: undefined, timeoutMs: config.PARLEY_CALL_TIMEOUT_MS });

  async function accountOf(userId: string, exchange: DialectExchange) {
    const { accounts } = await identity.listAccounts({ userIds: [userId] }, optionsOf(exchange));
    if (!accounts[0]) throw fault("user-not-found");
    return accounts[0];
  }

  const get = { method: "GET", access: "required", hasOwnBounds: true } as const;
  return [
    {
      ...get,
      path: "/user",
      template: "/user",
      rate: "read",
      successor: "/v2/users/{id}",
      async serve(exchange) {
        const { userId } = exchange.caller;
        const id = requiredText(exchange.query, "id").toLowerCase();
        if (!isUuid(id)) throw fault("user-not-found");
        return answerKept({
          userId,
          question: `user ${id}`,
          tags: { access: [], content: [tags.user(id)] },
          load: async () => userView(await accountOf(id, exchange), userId),
        });
      },
    },
    {
      ...get,
      path: "/user/search",
      template: "/user/search",
      rate: "lookup",
      successor: "/v2/users",
      async serve(exchange) {
        const { userId } = exchange.caller;
        const namePrefix = prefixOf(exchange.query, "first_name");
        const surnamePrefix = prefixOf(exchange.query, "last_name");
        if (namePrefix === "" && surnamePrefix === "")
          throw invalidInput("first_name", "or last_name is required");
        return answerKept({
          userId,
          question: `search ${JSON.stringify([namePrefix, surnamePrefix])}`,
          tags: { access: [], content: [tags.accounts()] },
          async load() {
            const request = { namePrefix, surnamePrefix };
            const { accounts } = await identity.findAccounts(request, optionsOf(exchange));
            return accounts.map((account) => userView(account, userId));
          },
        });
      },
    },
    {
      ...get,
      path: "/auth_check",
      template: "/auth_check",
      rate: "read",
      successor: "/v2/users/me",
      async serve(exchange) {
        const { userId } = exchange.caller;
        return answerKept({
          userId,
          question: "auth_check",
          tags: { access: [], content: [tags.user(userId)] },
          async load() {
            const { login, email } = await accountOf(userId, exchange);
            // What there is to sign in by.
            return { id: userId, login: login || email };
          },
        });
      },
    },
  ];
}

/** A mask is a prefix, with or without the "*" or "%" that old clients put behind it. */
function prefixOf(query: URLSearchParams, name: string): string {
  const mask = (query.get(name) ?? "").replace(/[*%]+$/, "");
  if (mask.length > maxMaskLength) throw invalidInput(name, `must have at most ${maxMaskLength} characters`);
  return mask;
}
