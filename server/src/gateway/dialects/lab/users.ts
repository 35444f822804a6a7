/** Who there is: GET /user, /user/search and /auth_check. */
import type { CallOptions } from "@connectrpc/connect";
import type { Account } from "@parley/api/internal/identity";
import type { DialectExchange, DialectParts, DialectRoute } from "#gateway/dialects/dialect.ts";
import { requiredText } from "#gateway/dialects/fields.ts";
import { type Answer, createAnswer } from "#gateway/dialects/lab/answers.ts";
import { userView } from "#gateway/dialects/lab/user-view.ts";
import { fault, invalidInput } from "#platform/errors.ts";
import { tags } from "#platform/stamps/stamps.ts";
import { isUuid } from "#platform/uuid.ts";

interface Users {
  answer: Answer;
  /** Rejects with "user-not-found". */
  accountOf(userId: string, exchange: DialectExchange): Promise<Account>;
  find(namePrefix: string, surnamePrefix: string, exchange: DialectExchange): Promise<Account[]>;
}

const get = { method: "GET", access: "required", hasOwnBounds: true } as const;
const maxMaskLength = 100;

export function userRoutes(parts: DialectParts): DialectRoute[] {
  const users = createUsers(parts);
  return [getUser(users), search(users), authCheck(users)];
}

function createUsers(parts: DialectParts): Users {
  const { identity } = parts.clients;
  // Not ended when this client goes: others may wait for the same answer.
  const optionsOf = ({ context }: DialectExchange): CallOptions =>
    parts.optionsFor({ ...context, signal: undefined });
  return {
    answer: createAnswer(parts),
    async accountOf(userId, exchange) {
      const { accounts } = await identity.listAccounts({ userIds: [userId] }, optionsOf(exchange));
      if (!accounts[0]) throw fault("user-not-found");
      return accounts[0];
    },
    async find(namePrefix, surnamePrefix, exchange) {
      return (await identity.findAccounts({ namePrefix, surnamePrefix }, optionsOf(exchange))).accounts;
    },
  };
}

function getUser({ answer, accountOf }: Users): DialectRoute {
  return {
    ...get,
    template: "/user",
    rate: "read",
    successor: "/v2/users/{id}",
    async serve(exchange) {
      const { userId } = exchange.caller;
      const id = requiredText(exchange.query, "id").toLowerCase();
      if (!isUuid(id)) throw fault("user-not-found");
      return answer({
        userId,
        question: `user ${id}`,
        tags: { access: [], content: [tags.user(id)] },
        load: async () => userView(await accountOf(id, exchange), userId),
      });
    },
  };
}

function search({ answer, find }: Users): DialectRoute {
  return {
    ...get,
    template: "/user/search",
    rate: "lookup",
    successor: "/v2/users",
    async serve(exchange) {
      const { userId } = exchange.caller;
      const name = prefixOf(exchange.query, "first_name");
      const surname = prefixOf(exchange.query, "last_name");
      if (isEmpty(name) && isEmpty(surname)) throw invalidInput("first_name", "or last_name is required");
      return answer({
        userId,
        question: `search ${JSON.stringify([name, surname])}`,
        tags: { access: [], content: [tags.accounts()] },
        load: async () => (await find(name, surname, exchange)).map((account) => userView(account, userId)),
      });
    },
  };
}

function authCheck({ answer, accountOf }: Users): DialectRoute {
  return {
    ...get,
    template: "/auth_check",
    rate: "read",
    successor: "/v2/users/me",
    async serve(exchange) {
      const { userId } = exchange.caller;
      return answer({
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
  };
}

/** A mask is a prefix, with or without the "*" or "%" that old clients put behind it. */
function prefixOf(query: URLSearchParams, name: string): string {
  const mask = (query.get(name) ?? "").replace(/[*%]+$/, "");
  if (mask.length > maxMaskLength) throw invalidInput(name, `must have at most ${maxMaskLength} characters`);
  return mask;
}

/** Identity looks for neither spaces nor marks: of a mask that holds nothing else, everybody has the prefix. */
const isEmpty = (mask: string): boolean => !/[^\s\p{M}]/u.test(mask.normalize("NFKD"));
