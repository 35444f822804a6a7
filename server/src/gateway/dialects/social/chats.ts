/** Chats of two, and the list of all chats with those who are in them. */
import type { Account } from "@parley/api/internal/identity";
import type { ChatOfMembers } from "@parley/api/internal/messenger";
import { MessengerService } from "@parley/api/v2/messenger";
import type { DialectParts, DialectRoute } from "#gateway/dialects/dialect.ts";
import { requiredText } from "#gateway/dialects/fields.ts";
import { readPage } from "#gateway/dialects/social/page.ts";
import { timestampText } from "#gateway/json/timestamp-text.ts";
import { invalidInput, toPublicError } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";

const successor = "/v2/chats";
const maxChats = 200;
/** Of one question to identity. */
const maxAccounts = 1_000;

export function chatRoutes(parts: DialectParts): DialectRoute[] {
  const create = createChat(parts);
  return [create, { ...create, template: "/messenger/chat" }, listChats(parts)];
}

function createChat({ call }: DialectParts): DialectRoute {
  return {
    method: "POST",
    template: "/messenger/create-chat",
    access: "required",
    rate: "write",
    successor,
    async serve({ json, context, caller }) {
      const companionId = requiredText(json(), "companion_id");
      if (!isUuid(companionId)) throw invalidInput("companion_id", "must be the id of a user");
      if (companionId.toLowerCase() === caller.userId)
        throw invalidInput("companion_id", "must be somebody else's");
      const request = { kind: "direct", memberIds: [companionId] };
      const { chat } = await call(MessengerService.method.createChat, request, context).catch((error) => {
        throw toPublicError(error).code === "user-not-found"
          ? invalidInput("companion_id", "there is no such user")
          : error;
      });
      return { body: { chat_id: chat?.id } };
    },
  };
}

function listChats({ clients, optionsFor }: DialectParts): DialectRoute {
  return {
    method: "GET",
    template: "/messenger/chats",
    access: "required",
    rate: "read",
    successor,
    async serve({ query, context }) {
      const page = readPage(query, maxChats);
      const options = optionsFor(context);
      const { total, chats } = await clients.messengerInternal.listChatPage(page, options);
      const accounts = new Map<string, Account>();
      const userIds = [...new Set(chats.flatMap((chat) => chat.memberIds))];
      // More than one round only for groups that other APIs made.
      for (let start = 0; start < userIds.length; start += maxAccounts) {
        const request = { userIds: userIds.slice(start, start + maxAccounts) };
        const answer = await clients.identity.listAccounts(request, options);
        for (const account of answer.accounts) accounts.set(account.userId, account);
      }
      return { body: { total, ...page, chats: chats.map((chat) => toOldChat(chat, accounts)) } };
    },
  };
}

function toOldChat({ chat, memberIds }: ChatOfMembers, accounts: ReadonlyMap<string, Account>) {
  const participants = memberIds.map((id) => {
    const { name = "", surname = "" } = accounts.get(id) ?? {};
    return { id, name, surname };
  });
  return { id: chat?.id, create_time: chat?.createdAt && timestampText(chat.createdAt), participants };
}
