/**
 * Tells when messages of the bus may have been lost: after this process was without Redis, and when another one says
 * that it was and could not publish.
 */
import type { Unsubscribe } from "#platform/bus.ts";
import type { Redis } from "#platform/redis.ts";

export interface GapSignalOptions {
  redis: Redis;
  channel: string;
  /** This process, whose own word is passed over: what it publishes does reach itself. */
  sender: Buffer;
  retryMs?: number;
}

export interface GapSignal {
  onGap(listener: () => void): Unsubscribe;
  /** Something could not be published: the others are told as soon as they can be. */
  announce(): void;
  stop(): void;
}

export function createGapSignal({ redis, channel, sender, retryMs = 1_000 }: GapSignalOptions): GapSignal {
  const listeners = new Set<{ hear: () => void }>();
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const tell = () => {
    for (const { hear } of listeners) hear();
  };
  const stopReady = redis.onReady(tell);
  const subscription = redis.subscribe(channel, (payload) => {
    if (!payload.equals(sender)) tell();
  });

  const tryToTell = async () => {
    try {
      // What is lost from here on is not covered by this word, and needs another.
      timer = undefined;
      await redis.publish(channel, sender);
    } catch {
      announce();
    }
  };
  const announce = () => {
    if (!isStopped) timer ??= setTimeout(tryToTell, retryMs).unref();
  };

  return {
    onGap(hear) {
      const listener = { hear };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    announce,
    stop() {
      isStopped = true;
      clearTimeout(timer);
      stopReady();
      void subscription.then((unsubscribe) => unsubscribe());
    },
  };
}
