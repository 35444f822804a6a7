/** Who is connected to this gateway, by user; and the bus topic of each user who wants events. */
import type { BusMessage } from "@parley/api/internal/bus";
import type { Subscriber } from "#gateway/realtime/subscriber.ts";
import { type Bus, topics, type Unsubscribe } from "#platform/bus.ts";

export interface UserConnection extends Subscriber {
  /** Whether it has asked for events (Resume). */
  readonly isListening: boolean;
}

interface UserEntry<C> {
  connections: Set<C>;
  subscription: Promise<Unsubscribe> | undefined;
}

export class UserConnections<C extends UserConnection> {
  readonly #bus: Bus;
  readonly #onMessage: (userId: string, message: BusMessage) => void;
  readonly #users = new Map<string, UserEntry<C>>();

  constructor(bus: Bus, onMessage: (userId: string, message: BusMessage) => void) {
    this.#bus = bus;
    this.#onMessage = onMessage;
  }

  /** Users, not connections. */
  get size(): number {
    return this.#users.size;
  }

  userIds(): Iterable<string> {
    return this.#users.keys();
  }

  count(userId: string): number {
    return this.#users.get(userId)?.connections.size ?? 0;
  }

  /** Answers whether it is the user's first. */
  add(connection: C): boolean {
    const entry = this.#users.get(connection.userId);
    if (entry) {
      entry.connections.add(connection);
      return false;
    }
    this.#users.set(connection.userId, { connections: new Set([connection]), subscription: undefined });
    return true;
  }

  /** Answers whether it was the user's last. */
  remove(connection: C): boolean {
    const entry = this.#users.get(connection.userId);
    if (!entry?.connections.delete(connection) || entry.connections.size > 0) return false;
    this.#users.delete(connection.userId);
    entry.subscription?.then(
      (unsubscribe) => unsubscribe(),
      () => {},
    );
    return true;
  }

  /** Resolves once what concerns this connection's user arrives from the bus. */
  async listen(connection: C): Promise<void> {
    const { userId } = connection;
    const entry = this.#users.get(userId);
    if (!entry) return;
    entry.subscription ??= this.#bus.subscribe(topics.user(userId), (message) =>
      this.#onMessage(userId, message),
    );
    try {
      await entry.subscription;
    } catch (error) {
      entry.subscription = undefined;
      throw error;
    }
  }

  *listenersOf(userId: string): Iterable<C> {
    for (const connection of this.#users.get(userId)?.connections ?? []) {
      if (connection.isListening) yield connection;
    }
  }
}
