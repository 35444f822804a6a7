/** The server's state for the tests of the client: accounts, tokens, and chats with their event logs, in memory. */
import { randomUUID } from "node:crypto";
import type { EventJson, MessageJson } from "@parley/api/v2/event";

export interface Chat {
  id: string;
  memberIds: Set<string>;
  log: EventJson[];
  /** The message that each (sender, clientId) has become. */
  sent: Map<string, MessageJson>;
}

export class Refusal extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, status = 400) {
    super(code);
    this.code = code;
    this.status = status;
  }
}

interface SendParams {
  clientId: string;
  text: string;
  replyTo?: string;
  attachments?: { key: string; name: string }[];
}

interface Account {
  id: string;
  email: string;
  password: string;
  name: string;
}

export class ProtocolState {
  readonly chats = new Map<string, Chat>();
  readonly refreshCalls: string[] = [];
  tokenLifeS = 600;
  readonly #accounts = new Map<string, Account>();
  readonly #accessTokens = new Map<string, { userId: string; expiresAtMs: number }>();
  readonly #refreshTokens = new Map<string, Account>();
  readonly #tickets = new Map<string, string>();

  signUp(account: Omit<Account, "id">): void {
    if (!this.#accounts.has(account.email)) {
      this.#accounts.set(account.email, { ...account, id: randomUUID() });
    }
  }

  signIn(email: string, password: string) {
    const account = this.#accounts.get(email);
    if (account?.password !== password) throw new Refusal("bad-credentials", 401);
    return this.#issueTokens(account);
  }

  refresh(token: string) {
    this.refreshCalls.push(token);
    const account = this.#refreshTokens.get(token);
    if (!account || !this.#refreshTokens.delete(token)) throw new Refusal("refresh-token-invalid", 401);
    return this.#issueTokens(account);
  }

  #issueTokens({ id, email, name }: Account) {
    const accessToken = randomUUID();
    const refreshToken = randomUUID();
    this.#accessTokens.set(accessToken, { userId: id, expiresAtMs: Date.now() + this.tokenLifeS * 1000 });
    this.#refreshTokens.set(refreshToken, this.#accounts.get(email)!);
    return { accessToken, refreshToken, expiresIn: this.tokenLifeS, user: { id, name, email } };
  }

  /** Ends every session there is. */
  endSessions(): void {
    this.#accessTokens.clear();
    this.#refreshTokens.clear();
  }

  expireAccessTokens(): void {
    this.#accessTokens.clear();
  }

  authenticate(authorization: string | undefined): string {
    const token = this.#accessTokens.get(authorization?.replace("Bearer ", "") ?? "");
    if (!token) throw new Refusal("unauthenticated", 401);
    if (token.expiresAtMs < Date.now()) throw new Refusal("token-expired", 401);
    return token.userId;
  }

  createTicket(userId: string): string {
    const ticket = randomUUID();
    this.#tickets.set(ticket, userId);
    return ticket;
  }

  redeem(ticket: string): string {
    const userId = this.#tickets.get(ticket);
    if (!userId || !this.#tickets.delete(ticket)) throw new Refusal("ticket-invalid", 401);
    return userId;
  }

  createChat(memberIds: string[]): Chat {
    const chat = { id: randomUUID(), memberIds: new Set(memberIds), log: [], sent: new Map() };
    this.chats.set(chat.id, chat);
    return chat;
  }

  chatOf(chatId: string, userId: string): Chat {
    const chat = this.chats.get(chatId);
    if (!chat?.memberIds.has(userId)) throw new Refusal("chat-not-found", 404);
    return chat;
  }

  /** The event is undefined when the clientId was seen before. */
  send(chat: Chat, senderId: string, params: SendParams) {
    if (params.text.length > 1000) throw new Refusal("invalid-input");
    const key = `${senderId} ${params.clientId}`;
    const known = chat.sent.get(key);
    if (known) return { message: known, event: undefined };
    const seq = chat.log.length + 1;
    const no = chat.sent.size + 1;
    const message: MessageJson = { id: randomUUID(), chatId: chat.id, seq, no, senderId, ...params };
    chat.sent.set(key, message);
    return { message, event: this.append(chat, { kind: "message", actorId: senderId, message }) };
  }

  append(chat: Chat, event: EventJson): EventJson {
    const complete = { ...event, chatId: chat.id, seq: chat.log.length + 1 };
    chat.log.push(complete);
    return complete;
  }
}
