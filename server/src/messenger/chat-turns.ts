/**
 * Within this process a chat is changed by one piece of work at a time, in the order of asking. So its events are
 * published in the order of their seq, and a busy chat keeps one database connection waiting for its row, not all.
 * Between processes the lock on the chats row does the ordering.
 */
import { fault } from "#platform/errors.ts";

export interface ChatTurns {
  /** Calls `granted`, perhaps at once, when it is the caller's turn; the caller then gives it back by `release`. */
  request(chatId: string, granted: () => void): void;
  release(chatId: string): void;
  /** Does the work in its turn. Refused as overloaded when too many wait for the chat, or for too long. */
  run<T>(chatId: string, work: () => Promise<T>): Promise<T>;
}

export interface ChatTurnsOptions {
  maxWaitingPerChat: number;
  maxWaitMs: number;
}

export function createChatTurns(options: ChatTurnsOptions): ChatTurns {
  /** The chats being changed, each with those who wait. */
  const waiting = new Map<string, Array<() => void>>();

  const request = (chatId: string, granted: () => void) => {
    const queue = waiting.get(chatId);
    if (queue) {
      queue.push(granted);
      return;
    }
    waiting.set(chatId, []);
    granted();
  };
  const release = (chatId: string) => {
    const next = waiting.get(chatId)?.shift();
    if (next) next();
    else waiting.delete(chatId);
  };
  const turnOf = (chatId: string) =>
    new Promise<void>((resolve, reject) => {
      const queue = waiting.get(chatId);
      if (!queue) return request(chatId, resolve);
      if (queue.length >= options.maxWaitingPerChat) return reject(fault("overloaded"));
      const granted = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        queue.splice(queue.indexOf(granted), 1);
        reject(fault("overloaded"));
      }, options.maxWaitMs);
      request(chatId, granted);
    });

  return {
    request,
    release,
    async run(chatId, work) {
      await turnOf(chatId);
      try {
        return await work();
      } finally {
        release(chatId);
      }
    },
  };
}
