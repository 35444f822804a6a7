/** Keeps a session with Redis: opens one, serves it until it is lost, and opens the next one, for ever. */
import { setTimeout as delay } from "node:timers/promises";
import type { Counter } from "@opentelemetry/api";
import { createNoopMeter } from "@opentelemetry/api";
import { ConnectionLog } from "#platform/redis/connection-log.ts";
import type { OpenRedis, RedisOptions, RedisScript } from "#platform/redis/contract.ts";
import { type NodeAddress, readRedisUrl } from "#platform/redis/node-client.ts";
import type { RedisArgument } from "#platform/redis/node-link.ts";
import { isRefusal, RedisAwayError } from "#platform/redis/redis-errors.ts";
import { observeRedis } from "#platform/redis/redis-metrics.ts";
import { openSession, type RedisSession } from "#platform/redis/session.ts";
import { type ChannelListener, Subscriptions } from "#platform/redis/subscriptions.ts";

const defaultCommandTimeoutMs = 500;
const firstRetryMs = 50;
const maxRetryMs = 1_000;
/** For making all subscriptions anew, of which there may be many. */
const resubscribeTimeoutMs = 30_000;
/** Subscriptions that came late come together. */
const lateSubscriptionsMs = 100;

export class RedisConnection implements OpenRedis {
  readonly #options: RedisOptions;
  readonly #server: ReturnType<typeof readRedisUrl>;
  readonly #log: ConnectionLog;
  readonly #failures: Counter;
  readonly #readyListeners = new Set<() => void>();
  readonly #subscriptions: Subscriptions;
  readonly #stop = new AbortController();
  readonly #firstReady = Promise.withResolvers<void>();
  #session: RedisSession | undefined;
  #isSubscribed = false;
  #lateTimer: NodeJS.Timeout | undefined;
  /** Where a cluster was seen last. */
  #nodes: readonly NodeAddress[] = [];

  constructor(options: RedisOptions) {
    this.#options = options;
    this.#server = readRedisUrl(options.url);
    this.#log = new ConnectionLog(options.log, this.#server);
    this.#subscriptions = new Subscriptions(
      {
        subscribe: (channel) => this.#subscribe(channel),
        unsubscribe: (channel) => this.#session?.linkOf(channel).unsubscribe(channel),
      },
      (error) => options.log.error({ err: error }, "a subscriber to Redis failed"),
    );
    this.#failures = observeRedis(options.meter ?? createNoopMeter(), {
      isUp: () => this.#isWhole(),
      subscriptions: () => this.#subscriptions.size,
    });
    this.#firstReady.promise.catch(() => {});
    void this.#run();
  }

  get isReady(): boolean {
    if (!this.#session || !this.#isSubscribed) return false;
    for (const link of this.#session.links()) if (link.isAnswering) return true;
    return false;
  }

  #isWhole(): boolean {
    return this.isReady && [...this.#session!.links()].every((link) => link.isAnswering);
  }

  async untilReady(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => aborted.reject(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await Promise.race([this.#firstReady.promise, aborted.promise]);
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  command(key: string, args: RedisArgument[]): Promise<unknown> {
    const session = this.#session;
    const answer = session
      ? session.linkOf(key).send(args)
      : Promise.reject(new RedisAwayError("no connection to Redis"));
    return answer.catch(this.#fail);
  }

  readonly #fail = (error: Error): never => {
    if (!error.message.startsWith("NOSCRIPT"))
      this.#failures.add(1, { "error.type": error instanceof RedisAwayError ? error.code : "refused" });
    throw error;
  };

  async run(script: RedisScript, keys: [string, ...string[]], args: RedisArgument[]): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    try {
      return await this.command(keys[0], ["EVALSHA", script.sha1, ...rest]);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
      return this.command(keys[0], ["EVAL", script.source, ...rest]);
    }
  }

  async publish(channel: string, payload: Buffer): Promise<void> {
    await this.command(channel, [this.#session?.isCluster ? "SPUBLISH" : "PUBLISH", channel, payload]);
  }

  subscribe(channel: string, listener: ChannelListener): Promise<() => void> {
    return this.#subscriptions.add(channel, listener);
  }

  /** Without a session: the next one has it. */
  async #subscribe(channel: string): Promise<void> {
    await this.#session?.linkOf(channel).subscribeInTime(channel, this.#onLateSubscription);
  }

  /** Whoever subscribed went on without it, and may have missed something: to be told as after a loss. */
  readonly #onLateSubscription = (): void => {
    this.#lateTimer ??= setTimeout(() => {
      this.#lateTimer = undefined;
      if (this.isReady) this.#tellReady();
    }, lateSubscriptionsMs).unref();
  };

  onReady(listener: () => void): () => void {
    const entry = () => listener();
    this.#readyListeners.add(entry);
    return () => void this.#readyListeners.delete(entry);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#log.end();
    clearTimeout(this.#lateTimer);
    const error = new RedisAwayError("the connection to Redis was closed");
    this.#firstReady.reject(error);
    this.#session?.lose(error);
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#stop.signal.aborted; failures += 1) {
      try {
        const session = await this.#open(failures);
        failures = 0;
        this.#log.away(await session.lost);
      } catch (error) {
        if (isRefusal(error) && !this.#log.wasReady) {
          return this.#firstReady.reject(this.#log.refused(error as Error));
        }
        this.#log.away(error as Error);
      }
      this.#session = undefined;
      this.#isSubscribed = false;
      const pauseMs = Math.min(maxRetryMs, firstRetryMs * 2 ** failures) * (0.5 + Math.random() / 2);
      await delay(pauseMs, undefined, { signal: this.#stop.signal }).catch(() => {});
    }
  }

  /** Resolves to a session in which all subscriptions are made. */
  async #open(failures: number): Promise<RedisSession> {
    const { commandTimeoutMs = defaultCommandTimeoutMs } = this.#options;
    const addresses = [this.#server, ...this.#nodes];
    const session = await openSession({
      address: addresses[failures % addresses.length]!,
      credentials: this.#server,
      commandTimeoutMs,
      onMessage: (payload, channel) => this.#subscriptions.deliver(channel.toString(), payload),
    });
    if (this.#stop.signal.aborted) session.lose(new Error("stopped"));
    if (session.isCluster) this.#nodes = session.nodes;
    // From here on subscribe and unsubscribe reach the session; those before it are made now.
    this.#session = session;
    await this.#subscribeAll(session);
    this.#isSubscribed = true;
    this.#log.ready(session, this.#subscriptions.size);
    this.#firstReady.resolve();
    this.#tellReady();
    return session;
  }

  async #subscribeAll(session: RedisSession): Promise<void> {
    const channelsOf = new Map([...session.links()].map((link) => [link, [] as string[]]));
    for (const channel of this.#subscriptions.names()) channelsOf.get(session.linkOf(channel))?.push(channel);
    const timer = setTimeout(
      () => session.lose(new Error(`subscribing took more than ${resubscribeTimeoutMs} ms`)),
      resubscribeTimeoutMs,
    );
    try {
      await Promise.all([...channelsOf].map(([link, channels]) => link.subscribe(channels)));
    } catch (error) {
      session.lose(error as Error);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #tellReady() {
    for (const listener of this.#readyListeners) {
      try {
        listener();
      } catch (error) {
        this.#options.log.error({ err: error }, "a listener to Redis failed");
      }
    }
  }
}
