/** What a client tells its application, by name; and the emitter that does it. */
import type { OutboxEntry } from "./outbox-store.ts";
import type {
  ChatChange,
  ChatEvent,
  MembershipChange,
  Message,
  PresenceChange,
  ProcessChange,
  ReactionChange,
  SearchChange,
} from "./shapes.ts";

/**
 * "offline": not connected, nor trying. "signed-out": there is no session, or the server ended it.
 */
export type ClientState = "offline" | "connecting" | "online" | "signed-out";

export interface Refetch {
  chatId: string;
  /**
   * "not-recovered": events were missed that the server did not send again. "joined": a chat that was not there
   * before. "left": a chat that is no longer among the user's.
   */
  reason: "not-recovered" | "joined" | "left";
}

export interface ParleyEvents {
  /** Every event of every chat's log: in the order of seq within a chat, each exactly once. */
  event: (event: ChatEvent) => void;
  message: (message: Message, event: ChatEvent) => void;
  edit: (message: Message, event: ChatEvent) => void;
  delete: (message: Message, event: ChatEvent) => void;
  /** The chat's processor has made something of a message: `message.processed`. */
  processed: (message: Message, event: ChatEvent) => void;
  /** A message's pictures were looked at: their sizes and thumbnails are there, `message.attachments`. */
  attachments: (message: Message, event: ChatEvent) => void;
  reaction: (change: ReactionChange, event: ChatEvent) => void;
  membership: (change: MembershipChange, event: ChatEvent) => void;
  /** A chat was created (no seq) or its title, processor or language changed. */
  chat: (chat: ChatChange & { chatId: string }) => void;
  typing: (typing: { chatId: string; userId: string }) => void;
  read: (read: { chatId: string; userId: string; no: number }) => void;
  presence: (presence: PresenceChange) => void;
  /** A request of one's own to process a text is done, or has failed: `getProcess` tells what came of it. */
  process: (change: ProcessChange) => void;
  /** A search task of one's own is done, or has failed. */
  search: (change: SearchChange) => void;
  /** What the application holds of this chat is no longer complete: fetch it again. */
  refetch: (refetch: Refetch) => void;
  state: (state: ClientState) => void;
  /** A message of the outbox is pending, sent (then with `message`), failed (then with `error`), or discarded. */
  outbox: (entry: OutboxEntry) => void;
}

export interface Emitter<E> {
  /** Returns the function that takes the listener off again. */
  on<K extends keyof E>(name: K, listener: E[K]): () => void;
  emit<K extends keyof E>(name: K, ...args: Arguments<E[K]>): void;
  /** Whether anyone listens, where building the arguments costs. */
  has(name: keyof E): boolean;
}

type Arguments<F> = F extends (...args: infer A) => void ? A : never;

/**
 * A listener that throws neither keeps the others from being called nor stops delivery; its error surfaces as an
 * uncaught one.
 */
export function createEmitter<E>(): Emitter<E> {
  const listeners = new Map<keyof E, ((...args: unknown[]) => void)[]>();
  return {
    on(name, listener) {
      // The list is replaced, never changed, so that listeners may come and go while it is being called.
      listeners.set(name, [...(listeners.get(name) ?? []), listener as (...args: unknown[]) => void]);
      return () => {
        listeners.set(
          name,
          (listeners.get(name) ?? []).filter((other) => other !== listener),
        );
      };
    },
    emit(name, ...args) {
      const called = listeners.get(name);
      if (!called) return;
      for (const listener of called) {
        try {
          listener(...args);
        } catch (error) {
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
    has: (name) => (listeners.get(name)?.length ?? 0) > 0,
  };
}
