/** Who listens to which channels, whether Redis is there or not. */
export type ChannelListener = (payload: Buffer) => void;

interface Channel {
  readonly listeners: Set<{ readonly hear: ChannelListener }>;
  /** Never rejects. */
  made: Promise<void>;
}

export interface SubscriptionCommands {
  /** Never rejects. */
  subscribe(channel: string): Promise<void>;
  unsubscribe(channel: string): void;
}

export class Subscriptions {
  readonly #channels = new Map<string, Channel>();
  readonly #commands: SubscriptionCommands;
  readonly #onListenerError: (error: unknown) => void;

  constructor(commands: SubscriptionCommands, onListenerError: (error: unknown) => void) {
    this.#commands = commands;
    this.#onListenerError = onListenerError;
  }

  get size(): number {
    return this.#channels.size;
  }

  names(): string[] {
    return [...this.#channels.keys()];
  }

  async add(name: string, hear: ChannelListener): Promise<() => void> {
    const channel = this.#channels.get(name) ?? {
      listeners: new Set(),
      made: this.#commands.subscribe(name),
    };
    this.#channels.set(name, channel);
    const listener = { hear };
    channel.listeners.add(listener);
    await channel.made;
    return () => {
      if (!channel.listeners.delete(listener) || channel.listeners.size > 0) return;
      this.#channels.delete(name);
      this.#commands.unsubscribe(name);
    };
  }

  deliver(name: string, payload: Buffer): void {
    for (const { hear } of this.#channels.get(name)?.listeners ?? []) {
      try {
        hear(payload);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }
}
