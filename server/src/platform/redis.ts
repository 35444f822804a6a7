/**
 * The connection to Redis (7 or newer) or Valkey. It carries only what may be lost, so nothing here waits for long:
 * a command that cannot be answered now is refused now, and the caller does without.
 */
import { createHash } from "node:crypto";
import { createClient, type RedisClientType } from "@redis/client";
import type { Log } from "#platform/log.ts";

export type RedisArgument = string | Buffer;

export interface Redis {
  /** Whether commands are being answered, as far as is known. */
  readonly isReady: boolean;
  /**
   * Sends one command, such as ["GET", key]; commands of one turn of the event loop travel together. Of a cluster, the
   * node that has the key is asked, so all keys of a command must share a hash tag.
   * Rejects with RedisAwayError at once without a connection, and when no answer comes in time.
   */
  command(key: string, args: RedisArgument[]): Promise<unknown>;
  /** Runs a script atomically; all keys in one hash slot. Rejects as command does. */
  run(script: RedisScript, keys: [string, ...string[]], args: RedisArgument[]): Promise<unknown>;
  /** Sends to those who have subscribed to the channel on any pod. Rejects as command does. */
  publish(channel: string, payload: Buffer): Promise<void>;
  /**
   * Resolves once what is published from now on arrives, or at once without a connection: then, and after every loss
   * of the connection, the subscription is made anew before onReady is called.
   */
  subscribe(channel: string, listener: (payload: Buffer) => void): Promise<() => void>;
  /** Called each time that the connection is there again and all subscriptions have been made anew. */
  onReady(listener: () => void): () => void;
  /** Never throws. */
  stop(): Promise<void>;
}

/** Redis is not there, or does not answer: do without it. */
export class RedisAwayError extends Error {
  readonly code = "redis-away";
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RedisAwayError";
  }
}

export interface RedisScript {
  readonly source: string;
  readonly sha1: string;
}

export function redisScript(source: string): RedisScript {
  return { source, sha1: createHash("sha1").update(source).digest("hex") };
}

export interface RedisOptions {
  /** redis:// or rediss://. */
  url: string;
  log: Log;
  commandTimeoutMs?: number;
}

type Client = RedisClientType;

/** Connects in the background and for as long as it takes; onReady tells when it is there. */
export function openRedis({ url, log, commandTimeoutMs = 500 }: RedisOptions): Redis {
  const socket = { connectTimeout: 2_000, socketTimeout: 5_000, reconnectStrategy };
  const options = { url, socket, pingInterval: 1_000, RESP: 2 as const, commandOptions: {} };
  const commands = createClient({ ...options, disableOfflineQueue: true }) as unknown as Client;
  const subscriber = createClient(options) as unknown as Client;
  const readyListeners = new Set<() => void>();
  const bothReady = () => commands.isReady && subscriber.isReady;
  for (const client of [commands, subscriber]) {
    client.on("error", (error) => log.debug({ err: error }, "redis"));
    client.on("ready", () => {
      if (bothReady()) for (const listener of readyListeners) listener();
    });
    client.connect().catch((error) => log.error({ err: error }, "redis: gave up"));
  }
  const command = (_key: string, args: RedisArgument[]) =>
    withDeadline(commands.sendCommand(args), commandTimeoutMs);
  return {
    get isReady() {
      return bothReady();
    },
    command,
    async run(script, keys, args) {
      const rest = [String(keys.length), ...keys, ...args];
      try {
        return await command(keys[0], ["EVALSHA", script.sha1, ...rest]);
      } catch (error) {
        if (!isUnknownScript(error)) throw error;
        return command(keys[0], ["EVAL", script.source, ...rest]);
      }
    },
    async publish(channel, payload) {
      await command(channel, ["PUBLISH", channel, payload]);
    },
    async subscribe(channel, listener) {
      const made = subscriber.subscribe(channel, listener, true);
      if (subscriber.isReady) await made;
      else made.catch(() => {});
      return () => void subscriber.unsubscribe(channel, listener, true).catch(() => {});
    },
    onReady(listener) {
      readyListeners.add(listener);
      return () => void readyListeners.delete(listener);
    },
    async stop() {
      for (const client of [commands, subscriber]) if (client.isOpen) client.destroy();
    },
  };
}

const reconnectStrategy = (retries: number) => Math.min(50 * 2 ** retries, 1_000) * (0.5 + Math.random() / 2);

const isUnknownScript = (error: unknown) => error instanceof Error && error.message.startsWith("NOSCRIPT");

async function withDeadline<T>(answer: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new RedisAwayError("no answer from Redis in time")), timeoutMs);
  });
  try {
    return await Promise.race([answer, late]);
  } catch (error) {
    if (error instanceof Error && isOffline(error))
      throw new RedisAwayError("no connection to Redis", { cause: error });
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

const offlineErrors = [
  "ClientOfflineError",
  "ClientClosedError",
  "DisconnectsClientError",
  "SocketClosedUnexpectedlyError",
  "SocketTimeoutError",
];
const isOffline = (error: Error) => offlineErrors.includes(error.constructor.name);
