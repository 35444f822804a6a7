/**
 * A messenger that keeps its event logs in memory: for tests that need to say when it is slow, away, or what the bus
 * loses of it. Only what sockets need of the contract.
 */
import { randomUUID } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { BusMessageSchema } from "@parley/api/internal/bus";
import { MessengerInternalService, type Send, type SendOutcome } from "@parley/api/internal/messenger";
import { type Event, EventSchema } from "@parley/api/v2/event";
import { MessengerService } from "@parley/api/v2/messenger";
import { requireActor } from "#platform/actor.ts";
import { type Bus, topics } from "#platform/bus.ts";
import { fault } from "#platform/errors.ts";

interface MemoryChat {
  id: string;
  members: Set<string>;
  log: Event[];
  lastNo: number;
}

export class MemoryMessenger {
  readonly chats = new Map<string, MemoryChat>();
  /** How often each method was called. */
  readonly calls = { listEvents: 0, listPositions: 0, sendMessages: 0 };
  /** Awaited before each answer of the method: for slow and failing services. */
  before: Partial<Record<keyof MemoryMessenger["calls"], () => Promise<void> | void>> = {};
  readonly #bus: Bus;
  readonly #sent = new Map<string, Event>();

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  log(chatId: string): readonly Event[] {
    return this.#chat(chatId).log;
  }

  #chat(chatId: string): MemoryChat {
    const chat = this.chats.get(chatId);
    if (!chat) throw fault("chat-not-found");
    return chat;
  }

  createChat(memberIds: string[], id: string = randomUUID()): string {
    this.chats.set(id, { id, members: new Set(memberIds), log: [], lastNo: 0 });
    const event = { chatId: id, kind: "chat", chat: { kind: "group", title: "Test" } };
    for (const userId of memberIds) this.#publish(topics.user(userId), [create(EventSchema, event)]);
    return id;
  }

  addMembers(chatId: string, userIds: string[]): void {
    const chat = this.#chat(chatId);
    const newIds = userIds.filter((userId) => !chat.members.has(userId));
    const events = newIds.map((userId) => {
      chat.members.add(userId);
      return this.#append(chat, {
        kind: "membership",
        membership: { userId, change: "added", role: "member" },
      });
    });
    this.#publish(topics.chat(chatId), events);
    for (const event of events) this.#publish(topics.user(event.membership?.userId ?? ""), [event]);
  }

  removeMember(chatId: string, userId: string): void {
    const chat = this.#chat(chatId);
    if (!chat.members.delete(userId)) return;
    const event = this.#append(chat, { kind: "membership", membership: { userId, change: "removed" } });
    this.#publish(topics.chat(chatId), [event]);
  }

  send(chatId: string, senderId: string, text: string): void {
    this.#sendBatch([{ chatId, senderId, text, clientId: randomUUID(), replyTo: "" } as Send]);
  }

  #append(chat: MemoryChat, init: MessageInitShape<typeof EventSchema>): Event {
    const event = create(EventSchema, { chatId: chat.id, ...init, seq: chat.log.length + 1 } as typeof init);
    chat.log.push(event);
    return event;
  }

  #publish(topic: string, events: Event[]) {
    if (events.length > 0) this.#bus.publish(topic, create(BusMessageSchema, { events }));
  }

  #sendBatch(sends: Send[]): SendOutcome[] {
    const committed = new Map<string, Event[]>();
    const outcomes = sends.map((send) => this.#store(send, committed));
    for (const [chatId, events] of committed) this.#publish(topics.chat(chatId), events);
    return outcomes as SendOutcome[];
  }

  #store({ chatId, senderId, clientId, text }: Send, committed: Map<string, Event[]>) {
    const chat = this.chats.get(chatId);
    if (!chat?.members.has(senderId)) return { errorCode: "chat-not-found" };
    const key = `${chatId} ${senderId} ${clientId}`;
    const known = this.#sent.get(key);
    if (known) return { message: known.message, errorCode: "" };
    chat.lastNo += 1;
    const seq = chat.log.length + 1;
    const message = { id: `${chatId}-${seq}`, chatId, seq, no: chat.lastNo, senderId, clientId, text };
    const event = this.#append(chat, { kind: "message", actorId: senderId, message } as never);
    this.#sent.set(key, event);
    committed.set(chatId, [...(committed.get(chatId) ?? []), event]);
    return { message: event.message, errorCode: "" };
  }

  routes(router: ConnectRouter): void {
    router.service(MessengerService, {
      listEvents: async ({ chatId, after, limit }, context) => {
        this.calls.listEvents += 1;
        await this.before.listEvents?.();
        const chat = this.#memberChat(chatId, requireActor(context).userId);
        return { events: chat.log.slice(after, after + (limit || 100)), lastSeq: chat.log.length };
      },
      getChat: ({ chatId }, context) => {
        const chat = this.#memberChat(chatId, requireActor(context).userId);
        return { chat: { id: chat.id, kind: "group", lastSeq: chat.log.length } };
      },
    });
    router.service(MessengerInternalService, {
      sendMessages: async ({ sends }) => {
        this.calls.sendMessages += 1;
        await this.before.sendMessages?.();
        return { outcomes: this.#sendBatch(sends) };
      },
      listPositions: async ({ userId }) => {
        this.calls.listPositions += 1;
        await this.before.listPositions?.();
        const own = [...this.chats.values()].filter((chat) => chat.members.has(userId));
        return { positions: own.map((chat) => ({ chatId: chat.id, lastSeq: chat.log.length })) };
      },
      filterAcquaintances: ({ userId, candidateIds }) => {
        const own = [...this.chats.values()].filter((chat) => chat.members.has(userId));
        return { userIds: candidateIds.filter((id) => own.some((chat) => chat.members.has(id))) };
      },
    });
  }

  #memberChat(chatId: string, userId: string): MemoryChat {
    const chat = this.#chat(chatId);
    if (!chat.members.has(userId)) throw fault("chat-not-found");
    return chat;
  }
}
