/**
 * The event bus: tells whoever listens what has just been committed. It may lose messages; nothing durable
 * depends on it, and receivers recover from the services by position.
 */
import type { BusMessage } from "@parley/api/internal/bus";

export type BusHandler = (message: BusMessage) => void;

export interface Bus {
  /** Never throws and never waits. Messages of one publisher to one topic arrive in order. */
  publish(topic: string, message: BusMessage): void;
  /** Resolves once everything published from now on will arrive, or at once while the bus is away. Never rejects. */
  subscribe(topic: string, handler: BusHandler): Promise<Unsubscribe>;
  /** Called each time that messages of any topic may have been lost, now that they arrive again. */
  onGap(listener: () => void): Unsubscribe;
}

export type Unsubscribe = () => void;

export const topics = {
  /** Events of one chat. */
  chat: (chatId: string) => `chat:${chatId}`,
  /** What concerns one user beyond the chats that they are in already: new chats, ended sessions. */
  user: (userId: string) => `user:${userId}`,
  /** On which pods one user is online. */
  presence: (userId: string) => `presence:${userId}`,
  /** Ended sessions of all users. */
  sessions: "sessions",
};

/** The bus of a Parley that is one process: a handler runs before publish returns. */
export function createLocalBus(onHandlerError: (error: unknown) => void): Bus {
  const handlers = new Map<string, Set<BusHandler>>();
  return {
    publish(topic, message) {
      for (const handler of handlers.get(topic) ?? []) {
        try {
          handler(message);
        } catch (error) {
          onHandlerError(error);
        }
      }
    },
    async subscribe(topic, handler) {
      const ofTopic = handlers.get(topic) ?? new Set();
      handlers.set(topic, ofTopic.add(handler));
      return () => {
        ofTopic.delete(handler);
        if (ofTopic.size === 0 && handlers.get(topic) === ofTopic) handlers.delete(topic);
      };
    },
    // It loses nothing.
    onGap: () => () => {},
  };
}
