import { setTimeout as sleep } from "node:timers/promises";
import { clearLeftovers } from "./leftovers.ts";
import { boundLogFile } from "./log-file.ts";
import { type ServerProcess, type ServerProcessOptions, startServerProcess } from "./server-process.ts";

const FIRST_RESTART_DELAY_MS = 100;
const MAX_RESTART_DELAY_MS = 10_000;
/** A server that lived this long had started well: its end is a new event, not the same one again. */
const STABLE_AFTER_MS = 60_000;
const LOG_CHECK_INTERVAL_MS = 60_000;

export interface SupervisorLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface SupervisorOptions extends Omit<ServerProcessOptions, "signal"> {
  readonly log: SupervisorLog;
  /** Called whenever the server process has ended without being asked to; a restart is under way then. */
  readonly onExit?: ((reason: string) => void) | undefined;
}

/**
 * Keeps one PostgreSQL server running on a cluster. A crash of one of its backends it handles itself; when the server process
 * itself dies it is started again, at the same socket, for as long as it takes: the gateway stays up and answers 503 meanwhile.
 */
export class PostgresSupervisor {
  readonly #options: SupervisorOptions;
  readonly #stopping = new AbortController();
  #server: ServerProcess | undefined;
  #watching: Promise<void> = Promise.resolve();
  #logCheck: NodeJS.Timeout | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** @throws when the server does not become ready; then nothing is left running. */
  async start(signal?: AbortSignal): Promise<void> {
    const signals = signal ? [this.#stopping.signal, signal] : [this.#stopping.signal];
    await this.#launch(AbortSignal.any(signals));
    this.#logCheck = setInterval(() => this.#boundLog(), LOG_CHECK_INTERVAL_MS).unref();
    this.#watching = this.#watch();
  }

  /** Ends the server, waiting for a fast shutdown at first and for less and less mild ones then. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("PostgreSQL is being stopped"));
    clearInterval(this.#logCheck);
    await this.#server?.stop();
    await this.#watching;
  }

  async #launch(signal: AbortSignal): Promise<ServerProcess> {
    const leftovers = await clearLeftovers(this.#options);
    if (leftovers) this.#options.log.warn({ leftovers }, "cleared away what an earlier PostgreSQL left");
    this.#boundLog();
    this.#server = await startServerProcess({ ...this.#options, signal });
    return this.#server;
  }

  async #watch(): Promise<void> {
    let failures = 0;
    while (this.#server) {
      const startedAtMs = performance.now();
      const reason = await this.#server.ended;
      this.#server = undefined;
      if (this.#stopping.signal.aborted) return;
      if (performance.now() - startedAtMs > STABLE_AFTER_MS) failures = 0;
      this.#options.log.error({ reason }, "PostgreSQL ended unexpectedly; restarting it");
      this.#options.onExit?.(reason);
      failures = await this.#restart(failures);
    }
  }

  /** @returns the number of attempts since the server last ran well */
  async #restart(failuresBefore: number): Promise<number> {
    const { signal } = this.#stopping;
    for (let failures = failuresBefore; ; failures++) {
      const delayMs = Math.min(FIRST_RESTART_DELAY_MS * 2 ** failures, MAX_RESTART_DELAY_MS);
      await sleep(delayMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return failures;
      try {
        const { pid } = await this.#launch(signal);
        this.#options.log.info({ pid }, "PostgreSQL runs again");
        return failures + 1;
      } catch (err) {
        if (signal.aborted) return failures;
        this.#options.log.error(
          { err, attempt: failures + 1 },
          "PostgreSQL could not be restarted; trying again",
        );
      }
    }
  }

  #boundLog(): void {
    try {
      boundLogFile(this.#options.logPath);
    } catch (err) {
      this.#options.log.warn({ err }, "PostgreSQL's log file could not be shortened");
    }
  }
}
