/**
 * One Redis server as this process uses it: a connection for commands and one for subscriptions. It lives until the
 * first trouble with either, which onLost tells.
 */
import {
  connectClient,
  type NodeAddress,
  type NodeClient,
  type NodeCredentials,
} from "#platform/redis/node-client.ts";
import { PendingCommands } from "#platform/redis/pending-commands.ts";
import { isMisdirection, isMovingSlot, RedisAwayError } from "#platform/redis/redis-errors.ts";

export type RedisArgument = string | Buffer;

export interface NodeLinkOptions {
  address: NodeAddress;
  credentials: NodeCredentials;
  /** Of a cluster: its channels belong to its slots. */
  isSharded: boolean;
  commandTimeoutMs: number;
  onMessage(payload: Buffer, channel: Buffer): void;
  /** Called once at the most, and not before openNodeLink has resolved. */
  onLost(error: Error): void;
}

const maxPending = 20_000;
const pingMs = 1_000;
/** In a row. */
const maxSilentPings = 3;
const channelsPerCommand = 1_000;

export async function openNodeLink(options: NodeLinkOptions): Promise<NodeLink> {
  let link: NodeLink | undefined;
  let lostBefore: Error | undefined;
  const onLost = (error: Error) => {
    if (link) link.lose(error);
    else lostBefore = error;
  };
  const commands = await connectClient({ ...options, protocol: 2, onLost });
  try {
    const subscriber = await connectClient({ ...options, protocol: 3, onLost });
    link = new NodeLink(options, commands, subscriber);
    if (!lostBefore) return link;
    link.destroy();
    throw lostBefore;
  } catch (error) {
    commands.destroy();
    throw error;
  }
}

export class NodeLink {
  readonly #options: NodeLinkOptions;
  readonly #commands: NodeClient;
  readonly #subscriber: NodeClient;
  readonly #pending: PendingCommands;
  readonly #pendingSubscriptions: PendingCommands;
  readonly #timers: NodeJS.Timeout[];
  /** A deadline has passed, and no answer has come since. */
  #isSilent = false;
  #silentPings = 0;
  #unansweredPings = 0;
  #isOver = false;

  constructor(options: NodeLinkOptions, commands: NodeClient, subscriber: NodeClient) {
    this.#options = options;
    this.#commands = commands;
    this.#subscriber = subscriber;
    this.#pending = new PendingCommands(options.commandTimeoutMs);
    this.#pendingSubscriptions = new PendingCommands(options.commandTimeoutMs);
    this.#timers = [
      setInterval(() => this.#checkDeadlines(), this.#pending.checkMs).unref(),
      setInterval(() => this.#ping(), pingMs).unref(),
    ];
    subscriber.on("sharded-channel-moved", () => this.lose(new Error("a slot of the cluster has moved")));
  }

  get isAnswering(): boolean {
    return !this.#isSilent && !this.#isOver;
  }

  /** Rejects with RedisAwayError at once when the server is known not to answer, and else in time. */
  send(args: RedisArgument[]): Promise<unknown> {
    if (!this.isAnswering) return Promise.reject(new RedisAwayError("Redis does not answer"));
    if (this.#pending.size >= maxPending) return Promise.reject(new RedisAwayError("Redis does not keep up"));
    return new Promise((resolve, reject) => {
      const command = { sentAtMs: performance.now(), reject };
      this.#pending.add(command);
      this.#commands.sendCommand(args).then(
        (answer) => {
          this.#isSilent = false;
          if (this.#pending.remove(command)) resolve(answer);
        },
        (error: Error) => {
          if (this.#pending.remove(command)) reject(this.#explain(error));
        },
      );
    });
  }

  #explain(error: Error): Error {
    // Without a connection node-redis rejects before it tells of the loss.
    if (!this.#commands.isReady) return new RedisAwayError("no connection to Redis", { cause: error });
    this.#isSilent = false;
    if (isMovingSlot(error)) return new RedisAwayError("the key is being moved", { cause: error });
    if (!isMisdirection(error)) return error;
    this.lose(error);
    return new RedisAwayError("Redis has changed", { cause: error });
  }

  /** Resolves when all are made. Rejects when the server refuses, or is lost meanwhile. */
  async subscribe(channels: readonly string[]): Promise<void> {
    const { isSharded, onMessage } = this.#options;
    const made: Promise<void>[] = [];
    if (isSharded) {
      for (const channel of channels) made.push(this.#subscriber.sSubscribe(channel, onMessage, true));
    } else {
      for (let start = 0; start < channels.length; start += channelsPerCommand) {
        const some = channels.slice(start, start + channelsPerCommand);
        made.push(this.#subscriber.subscribe(some, onMessage, true));
      }
    }
    await Promise.all(made);
  }

  /**
   * Resolves when it is made, or when that takes as long as a command may: onLate is called when it is made after all.
   * Never rejects; a refusal ends the link.
   */
  subscribeInTime(channel: string, onLate: () => void): Promise<void> {
    return new Promise((resolve) => {
      const waiting = { sentAtMs: performance.now(), reject: () => resolve() };
      if (this.isAnswering) this.#pendingSubscriptions.add(waiting);
      else resolve();
      this.subscribe([channel]).then(
        () => {
          if (this.#pendingSubscriptions.remove(waiting)) resolve();
          else onLate();
        },
        (error) => {
          resolve();
          this.lose(error);
        },
      );
    });
  }

  unsubscribe(channel: string): void {
    const { isSharded, onMessage } = this.#options;
    const done = isSharded
      ? this.#subscriber.sUnsubscribe(channel, onMessage, true)
      : this.#subscriber.unsubscribe(channel, onMessage, true);
    // It fails only with the connection, and the next one will not have the channel.
    done.catch(() => {});
  }

  #checkDeadlines() {
    this.#pendingSubscriptions.rejectOverdue();
    if (this.#pending.rejectOverdue()) this.#isSilent = true;
  }

  #ping() {
    this.#silentPings = this.#isSilent ? this.#silentPings + 1 : 0;
    this.#unansweredPings += 1;
    if (this.#silentPings >= maxSilentPings || this.#unansweredPings > maxSilentPings) {
      this.lose(new Error("Redis does not answer"));
      return;
    }
    this.send(["PING"]).catch(() => {});
    this.#subscriber.sendCommand(["PING"]).then(
      () => {
        this.#unansweredPings = 0;
      },
      () => {},
    );
  }

  lose(error: Error): void {
    if (this.#isOver) return;
    this.destroy();
    this.#options.onLost(error);
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#commands.destroy();
    this.#subscriber.destroy();
    const error = new RedisAwayError("no connection to Redis");
    this.#pending.rejectAll(error);
    this.#pendingSubscriptions.rejectAll(error);
  }
}
