/** What Redis is to those who use it. */
import type { Meter } from "@opentelemetry/api";
import type { Log } from "#platform/log.ts";
import type { RedisArgument } from "#platform/redis/node-link.ts";

export interface Redis {
  /** Whether commands are being answered, as far as is known; of a cluster, by a node at least. */
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

export interface RedisScript {
  readonly source: string;
  readonly sha1: string;
}

export interface RedisOptions {
  /** redis:// or rediss://; of a cluster, any of its nodes. */
  url: string;
  log: Log;
  meter?: Meter;
  /** A command that takes longer is given up, and further ones are refused until Redis answers again. */
  commandTimeoutMs?: number;
}

/** Redis as its owner has it. */
export interface OpenRedis extends Redis {
  /**
   * Resolves once it was ready for the first time, however long that takes. Rejects with the signal's reason, and with
   * RedisRefusedError when waiting is of no use: a wrong password, too old a version.
   */
  untilReady(signal?: AbortSignal): Promise<void>;
}
