/** Where messages wait that the server has not acknowledged yet. */
import type { ParleyError } from "./error.ts";
import type { Message } from "./shapes.ts";

/** A blob of the sender's own, and what it is to be called. */
export interface SentFile {
  readonly key: string;
  readonly name: string;
  /** The key was made for this message: it is deleted when the message has been stored. */
  readonly isTemporary?: boolean;
}

export interface OutboxEntry {
  /** Chosen once, sent with every try: the server stores the message once. */
  readonly clientId: string;
  readonly chatId: string;
  readonly text: string;
  readonly replyTo: string;
  readonly attachments: readonly SentFile[];
  readonly createdAtMs: number;
  /**
   * "pending": will be sent, and sent again. "sent": acknowledged, `message` is set. "failed": the server refused it,
   * `error` says why; it waits for retry or discard. "discarded": it will not be sent.
   */
  state: "pending" | "sent" | "failed" | "discarded";
  message?: Message;
  error?: ParleyError;
}

export type StoredEntry = Pick<OutboxEntry, "clientId" | "chatId" | "text" | "replyTo" | "createdAtMs"> & {
  /** None, when absent. */
  attachments?: readonly SentFile[];
  state: "pending" | "failed";
  /** Rises from entry to entry. */
  order: number;
};

/** Entries are kept per user: whoever signs in next on this machine must not send them. */
export interface OutboxStore {
  /** Sorted by their order. */
  load(userId: string): StoredEntry[];
  put(userId: string, entry: StoredEntry): void;
  remove(userId: string, clientId: string): void;
}

/**
 * For browsers: what was written before the page was closed is sent when it is opened again. Tabs do not coordinate;
 * two that send the same entry send the same clientId, and the server keeps one.
 */
export function localStorageOutboxStore(prefix = "parley.outbox"): OutboxStore {
  const key = (userId: string, clientId: string) => `${prefix}.${userId}.${clientId}`;
  return {
    load(userId) {
      const entries: StoredEntry[] = [];
      for (const name of Object.keys(localStorage)) {
        if (!name.startsWith(key(userId, ""))) continue;
        try {
          entries.push(JSON.parse(localStorage.getItem(name) ?? ""));
        } catch {
          localStorage.removeItem(name);
        }
      }
      return entries.sort((a, b) => a.order - b.order);
    },
    put(userId, entry) {
      try {
        localStorage.setItem(key(userId, entry.clientId), JSON.stringify(entry));
      } catch {
        // Full or forbidden: the entry lives as long as the page.
      }
    },
    remove: (userId, clientId) => localStorage.removeItem(key(userId, clientId)),
  };
}
