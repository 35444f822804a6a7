/** What the log says of a connection to Redis: once when it is lost, once when it is there again, never a password. */
import type { Log } from "#platform/log.ts";
import { RedisRefusedError } from "#platform/redis/redis-errors.ts";
import type { RedisSession } from "#platform/redis/session.ts";

interface Server {
  readonly host: string;
  readonly port: number;
  readonly password?: string | undefined;
}

export class ConnectionLog {
  readonly #log: Log;
  readonly #server: Server;
  #wasReady = false;
  #isAwayLogged = false;
  #hasEnded = false;

  constructor(log: Log, server: Server) {
    this.#log = log;
    this.#server = server;
  }

  /** Whether it has ever been ready. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  ready({ isCluster, nodes }: RedisSession, subscriptions: number): void {
    const { host, port } = this.#server;
    this.#log.info({ host, port, isCluster, nodes: nodes.length, subscriptions }, "Redis is there");
    this.#isAwayLogged = false;
    this.#wasReady = true;
  }

  away(error: Error): void {
    if (this.#isAwayLogged || this.#hasEnded) return;
    this.#isAwayLogged = true;
    const { host, port } = this.#server;
    const message = this.#wasReady ? "Redis is away; going on without it" : "Redis cannot be reached yet";
    this.#log.warn({ host, port, reason: this.#describe(error) }, message);
  }

  /** The error for whoever waits for the first session, which there will never be. */
  refused(error: Error): RedisRefusedError {
    const { host, port } = this.#server;
    const message = `the Redis that REDIS_URL names (${host}:${port}) cannot be used: ${this.#describe(error)}`;
    this.#log.error(message);
    return new RedisRefusedError(message);
  }

  /** That the connection is gone is as it should be from here on. */
  end(): void {
    this.#hasEnded = true;
  }

  #describe(error: Error): string {
    const { password } = this.#server;
    const text = error.message || String((error as NodeJS.ErrnoException).code ?? error.name);
    return password ? text.replaceAll(password, "[redacted]") : text;
  }
}
