/** The calls of the API that need no live connection, one function each. */
import type { ListSessionsResponseJson, SessionJson } from "@parley/api/v2/auth";
import type {
  CreateChatResponseJson,
  EditMessageResponseJson,
  GetChatResponseJson,
  ListChatsResponseJson,
  ListEventsResponseJson,
  ListMembersResponseJson,
  ListMessagesResponseJson,
  MarkReadResponseJson,
  UpdateChatResponseJson,
} from "@parley/api/v2/messenger";
import type { ListProcessorsResponseJson, ProcessResponseJson } from "@parley/api/v2/process";
import type {
  GetMeResponseJson,
  GetUserResponseJson,
  ListUsersResponseJson,
  UpdateMeResponseJson,
} from "@parley/api/v2/user";
import { path, query, type Rest } from "./rest.ts";
import {
  type Chat,
  type ChatEvent,
  type Member,
  type Message,
  type MessagePage,
  type Process,
  type Processor,
  toChat,
  toChatEvent,
  toMember,
  toMessage,
  toProcess,
  toProcessor,
  toUser,
  type User,
} from "./shapes.ts";

export type Calls = ReturnType<typeof createCalls>;

interface Page {
  limit?: number;
  /** nextCursor of the page before. */
  cursor?: string;
}

interface MessagesPage {
  /** Messages with a smaller seq. Not together with `after`. */
  before?: number;
  /** Messages with a greater seq. */
  after?: number;
  limit?: number;
}

export interface NewChat {
  kind: "direct" | "group" | "channel";
  /** Of a group or channel. */
  title?: string;
  /** The others; exactly one for a direct chat. */
  memberIds: string[];
  /** What each message is processed by, one of `listProcessors()`; nothing when absent. */
  processor?: string;
  /** ISO 639-1, e.g. "de"; when absent it is found out from the messages. */
  language?: string;
}

export interface ChatChanges {
  /** Of a group or channel. */
  title?: string;
  /** One of `listProcessors()`; empty for none. What it costs is the caller's. */
  processor?: string;
  /** ISO 639-1, e.g. "de"; empty: it is found out from the messages. */
  language?: string;
}

export interface ProcessOptions {
  /** "default" when absent. */
  processor?: string;
  /** With a key, calling again gives the first outcome: nothing is processed or paid twice. */
  idempotencyKey?: string;
  /** Answers at once; the outcome is told by a "process" event, and by `getProcess`. */
  respondAsync?: boolean;
}

type Role = "owner" | "admin" | "member";
type UserFilter = { email: string } | { query: string } | { ids: string[] };

export function createCalls(rest: Rest) {
  return {
    ...createChatCalls(rest),
    ...createMemberCalls(rest),
    ...createMessageCalls(rest),
    ...createProcessCalls(rest),
    ...createUserCalls(rest),
  };
}

function createChatCalls(rest: Rest) {
  return {
    /** A direct chat exists once per pair of people: asking again returns it. */
    async createChat(chat: NewChat): Promise<Chat> {
      return toChat((await rest.call<CreateChatResponseJson>("POST", "/v2/chats", chat)).chat);
    },
    /** The most recently active first. */
    async listChats(page: Page = {}): Promise<{ chats: Chat[]; nextCursor?: string }> {
      const { chats = [], nextCursor } = await rest.call<ListChatsResponseJson>(
        "GET",
        `/v2/chats${query({ ...page })}`,
      );
      return { chats: chats.map(toChat), ...(nextCursor ? { nextCursor } : {}) };
    },
    async getChat(chatId: string): Promise<Chat> {
      return toChat((await rest.call<GetChatResponseJson>("GET", path`/v2/chats/${chatId}`)).chat);
    },
    async updateChat(chatId: string, changes: ChatChanges): Promise<Chat> {
      return toChat(
        (await rest.call<UpdateChatResponseJson>("PATCH", path`/v2/chats/${chatId}`, changes)).chat,
      );
    },
    /** A smaller number than before changes nothing. */
    async markRead(chatId: string, no: number): Promise<{ readNo: number; unread: number }> {
      const body = await rest.call<MarkReadResponseJson>("PUT", path`/v2/chats/${chatId}/read`, { no });
      return { readNo: body.readNo ?? 0, unread: body.unread ?? 0 };
    },
    /** The chat's log after a seq. When the last event's seq is not `lastSeq`, there is more. */
    async listEvents(chatId: string, page: { after?: number; limit?: number } = {}) {
      const body = await rest.call<ListEventsResponseJson>(
        "GET",
        path`/v2/chats/${chatId}/events` + query({ ...page }),
      );
      const events: ChatEvent[] = (body.events ?? []).map(toChatEvent);
      return { events, lastSeq: body.lastSeq ?? 0 };
    },
  };
}

function createMemberCalls(rest: Rest) {
  return {
    async listMembers(chatId: string, page: Page = {}): Promise<{ members: Member[]; nextCursor?: string }> {
      const { members = [], nextCursor } = await rest.call<ListMembersResponseJson>(
        "GET",
        path`/v2/chats/${chatId}/members` + query({ ...page }),
      );
      return { members: members.map(toMember), ...(nextCursor ? { nextCursor } : {}) };
    },
    async addMembers(chatId: string, userIds: string[]): Promise<void> {
      await rest.call("POST", path`/v2/chats/${chatId}/members`, { userIds });
    },
    async updateMember(chatId: string, userId: string, role: Role): Promise<void> {
      await rest.call("PATCH", path`/v2/chats/${chatId}/members/${userId}`, { role });
    },
    /** With one's own id: leaves the chat. */
    async removeMember(chatId: string, userId: string): Promise<void> {
      await rest.call("DELETE", path`/v2/chats/${chatId}/members/${userId}`);
    },
  };
}

function createMessageCalls(rest: Rest) {
  return {
    /** The latest page, or the one just before or just after a seq. */
    async listMessages(chatId: string, page: MessagesPage = {}): Promise<MessagePage> {
      const { messages = [], ...cursors } = await rest.call<ListMessagesResponseJson>(
        "GET",
        path`/v2/chats/${chatId}/messages` + query({ ...page }),
      );
      return { ...cursors, messages: messages.map(toMessage) };
    },
    async editMessage(chatId: string, messageId: string, text: string): Promise<Message> {
      const url = path`/v2/chats/${chatId}/messages/${messageId}`;
      const body = await rest.call<EditMessageResponseJson>("PATCH", url, { text });
      return toMessage(body.message ?? {});
    },
    async deleteMessage(chatId: string, messageId: string): Promise<void> {
      await rest.call("DELETE", path`/v2/chats/${chatId}/messages/${messageId}`);
    },
    async addReaction(chatId: string, messageId: string, emoji: string): Promise<void> {
      const url = path`/v2/chats/${chatId}/messages/${messageId}/reactions/${emoji}`;
      await rest.call("PUT", url);
    },
    async removeReaction(chatId: string, messageId: string, emoji: string): Promise<void> {
      await rest.call("DELETE", path`/v2/chats/${chatId}/messages/${messageId}/reactions/${emoji}`);
    },
  };
}

function createProcessCalls(rest: Rest) {
  return {
    /** Sends a text through a processor. */
    async process(text: string, options: ProcessOptions = {}): Promise<Process> {
      return toProcess(await rest.call<ProcessResponseJson>("POST", "/v2/process", { text, ...options }));
    },
    /** How a request stands that had an idempotency key or is answered in the background. */
    async getProcess(id: string): Promise<Process> {
      return toProcess(await rest.call<ProcessResponseJson>("GET", path`/v2/process/${id}`));
    },
    async listProcessors(): Promise<Processor[]> {
      const body = await rest.call<ListProcessorsResponseJson>("GET", "/v2/processors");
      return (body.processors ?? []).map(toProcessor);
    },
  };
}

function createUserCalls(rest: Rest) {
  return {
    async getMe(): Promise<User> {
      return toUser((await rest.call<GetMeResponseJson>("GET", "/v2/users/me")).user);
    },
    async updateMe(changes: { name: string }): Promise<User> {
      return toUser((await rest.call<UpdateMeResponseJson>("PATCH", "/v2/users/me", changes)).user);
    },
    async getUser(userId: string): Promise<User> {
      return toUser((await rest.call<GetUserResponseJson>("GET", path`/v2/users/${userId}`)).user);
    },
    /** By exact email, part of a name, or ids. */
    async listUsers(filter: UserFilter, options: { limit?: number } = {}): Promise<User[]> {
      const url = `/v2/users${query({ ...filter, ...options })}`;
      return ((await rest.call<ListUsersResponseJson>("GET", url)).users ?? []).map(toUser);
    },
    async listSessions(): Promise<SessionJson[]> {
      return (await rest.call<ListSessionsResponseJson>("GET", "/v2/auth/sessions")).sessions ?? [];
    },
    async revokeSession(sessionId: string): Promise<void> {
      await rest.call("DELETE", path`/v2/auth/sessions/${sessionId}`);
    },
  };
}
