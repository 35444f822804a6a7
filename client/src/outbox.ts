/**
 * The outbox: messages that were written and are not acknowledged yet. They survive lost connections and, with a
 * store, the end of the page; they are sent in order within a chat, and stored once by the server however often sent.
 */
import { type BackoffOptions, createBackoff } from "./backoff.ts";
import { ParleyError } from "./error.ts";
import { createLane, type Lane, type OutboxItem, type SendDone } from "./outbox-lane.ts";
import type { OutboxEntry, OutboxStore, StoredEntry } from "./outbox-store.ts";
import { createPace } from "./pace.ts";
import type { Message } from "./shapes.ts";

export interface OutboxTransport {
  isReady(): boolean;
  /** `done` is called exactly once, and not before this function has returned. */
  send(entry: OutboxEntry, done: SendDone): void;
  /** Over all chats, and within one. */
  maxInFlight(): number;
  maxInFlightPerChat(): number;
}

export interface OutboxOptions {
  transport: OutboxTransport;
  store: OutboxStore | undefined;
  onChange(entry: OutboxEntry): void;
  maxQueued: number;
  maxPerSecond: number;
  backoff: BackoffOptions;
  random: () => number;
  now: () => number;
}

export type Draft = Pick<OutboxEntry, "clientId" | "chatId" | "text" | "replyTo" | "attachments">;

export interface Outbox {
  /** Takes up what this user left in the store; gives up what another user left in memory. */
  open(userId: string): void;
  /** Resolves when the server has stored the message, with what it stored. */
  add(draft: Draft): Promise<Message>;
  retry(clientId: string): void;
  discard(clientId: string): void;
  /** Those that are pending or failed, in order. */
  entries(chatId?: string): OutboxEntry[];
  /** The transport is ready (again). */
  wake(): void;
  /** Gives up everything; also what is stored, unless the user is to find it again. */
  close(reason: ParleyError, options: { keepStored: boolean }): void;
}

export function createOutbox(options: OutboxOptions): Outbox {
  const { transport, store, now } = options;
  const items = new Map<string, OutboxItem>();
  const lanes = new Map<string, Lane>();
  let userId = "";
  let lastOrder = 0;
  let inFlight = 0;
  const pace = createPace({ perSecond: options.maxPerSecond, now, onRoom: pump });

  function pump(): void {
    if (!transport.isReady()) return;
    const maxInFlight = transport.maxInFlight();
    for (const lane of lanes.values()) {
      while (lane.canSend) {
        if (inFlight >= maxInFlight || !pace.take()) return;
        lane.sendNext();
      }
    }
  }

  function addLane(chatId: string): Lane {
    const lane = createLane({
      maxInFlight: transport.maxInFlightPerChat,
      backoff: createBackoff(options.backoff, options.random),
      send(entry, done) {
        inFlight++;
        transport.send(entry, (error, message) => {
          if (lanes.get(chatId) !== lane) return;
          inFlight--;
          done(error, message);
        });
      },
      onSent(item, message) {
        items.delete(item.entry.clientId);
        store?.remove(userId, item.entry.clientId);
        change(item, { state: "sent", message });
        item.resolve(message);
      },
      onFailed(item, error) {
        change(item, { state: "failed", error });
        persist(item);
        item.reject(error);
      },
      onRoom() {
        pump();
        if (lane.isEmpty) lanes.delete(chatId);
      },
    });
    lanes.set(chatId, lane);
    return lane;
  }

  function enqueue(entry: OutboxEntry, order: number): OutboxItem {
    const item = createItem(entry, order);
    items.set(entry.clientId, item);
    if (entry.state === "pending") (lanes.get(entry.chatId) ?? addLane(entry.chatId)).push(item);
    return item;
  }

  function change(item: OutboxItem, changes: Partial<OutboxEntry>): void {
    Object.assign(item.entry, changes);
    options.onChange(item.entry);
  }

  function persist({ entry, order }: OutboxItem): void {
    const { message: _message, error: _error, ...stored } = entry;
    store?.put(userId, { ...stored, order } as StoredEntry);
  }

  /** Orders made by several tabs, or within one millisecond, still rise. */
  function nextOrder(): number {
    lastOrder = Math.max(lastOrder + 1, now());
    return lastOrder;
  }

  function close(reason: ParleyError, { keepStored }: { keepStored: boolean }): void {
    pace.stop();
    for (const lane of lanes.values()) lane.stop();
    lanes.clear();
    inFlight = 0;
    const given = [...items.values()];
    items.clear();
    for (const item of given) {
      if (!keepStored) store?.remove(userId, item.entry.clientId);
      if (item.entry.state === "pending") item.reject(reason);
      change(item, { state: "discarded", error: reason });
    }
  }

  return {
    open(nextUserId) {
      if (nextUserId === userId) return;
      close(new ParleyError("signed-out"), { keepStored: true });
      userId = nextUserId;
      for (const { order, ...entry } of store?.load(userId) ?? []) {
        lastOrder = Math.max(lastOrder, order);
        options.onChange(enqueue({ attachments: [], ...entry }, order).entry);
      }
      pump();
    },
    add(draft) {
      const known = items.get(draft.clientId);
      if (known) return known.promise;
      if (items.size >= options.maxQueued) {
        return Promise.reject(
          new ParleyError("outbox-full", { detail: "Too many messages wait to be sent" }),
        );
      }
      const item = enqueue({ ...draft, createdAtMs: now(), state: "pending" }, nextOrder());
      if (store) persist(item);
      options.onChange(item.entry);
      pump();
      return item.promise;
    },
    retry(clientId) {
      const failed = items.get(clientId);
      if (failed?.entry.state !== "failed") return;
      const { error: _error, ...entry } = failed.entry;
      const item = enqueue({ ...entry, state: "pending" }, nextOrder());
      persist(item);
      options.onChange(item.entry);
      pump();
    },
    discard(clientId) {
      const item = items.get(clientId);
      // One that is under way cannot be called back.
      if (item?.entry.state !== "failed") return;
      items.delete(clientId);
      store?.remove(userId, clientId);
      change(item, { state: "discarded" });
    },
    entries: (chatId) =>
      [...items.values()]
        .filter(({ entry }) => chatId === undefined || entry.chatId === chatId)
        .sort((a, b) => a.order - b.order)
        .map(({ entry }) => entry),
    wake() {
      for (const lane of [...lanes.values()]) lane.wake();
      pump();
    },
    close,
  };
}

function createItem(entry: OutboxEntry, order: number): OutboxItem {
  const { promise, resolve, reject } = Promise.withResolvers<Message>();
  // What becomes of a message is told by its entry as well: nobody needs to listen to the promise.
  promise.catch(() => {});
  return { entry, order, faults: 0, isSettled: false, promise, resolve, reject };
}
