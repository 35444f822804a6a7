/** A connection to RabbitMQ that is made again whenever it is lost, for as long as it takes. */
import type { Duplex } from "node:stream";
import { type ChannelModel, connect } from "amqplib";
import { withDeadline } from "#platform/deadline.ts";
import type { Log } from "#platform/log.ts";

export interface AmqpLinkOptions {
  url: string;
  /** Shown by RabbitMQ. */
  name: string;
  /** Makes the channels. The connection counts as made when it resolves; it is made anew when it rejects. */
  setUp(connection: ChannelModel): Promise<void>;
  /** The connection that was made is gone. */
  onLost(): void;
  log: Log;
}

export interface AmqpLink {
  /** RabbitMQ takes no messages for the moment: it is short of memory or disk. */
  readonly isBlocked: boolean;
  start(): void;
  /** Ends the connection as one that cannot be trusted any more; a new one is made. Without a reason nothing is logged. */
  renew(reason?: string): void;
  stop(): Promise<void>;
}

const firstPauseMs = 100;
const maxPauseMs = 5_000;
const handshakeTimeoutMs = 5_000;
const setUpTimeoutMs = 10_000;
const closeTimeoutMs = 1_000;
/** A peer that is silent for two of these is gone. */
const heartbeatSeconds = 5;

export function createAmqpLink(options: AmqpLinkOptions): AmqpLink {
  const { setUp, onLost, log } = options;
  const url = withHeartbeat(options.url);
  let connection: ChannelModel | undefined;
  let isBlocked = false;
  let isStopped = false;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let connecting: Promise<void> | undefined;

  async function open(): Promise<void> {
    let made: ChannelModel | undefined;
    try {
      made = await connect(url, {
        timeout: handshakeTimeoutMs,
        noDelay: true,
        clientProperties: { connection_name: options.name },
      });
      watch(made);
      await answered(setUp(made), setUpTimeoutMs);
      if (isStopped || connection !== made) return destroy(made);
      if (failures > 0) log.info({ connection: options.name }, "connected to RabbitMQ");
      failures = 0;
    } catch (error) {
      if (made) destroy(made);
      tellFailure(error);
      connection = undefined;
      retryLater();
    }
  }

  function watch(made: ChannelModel) {
    connection = made;
    isBlocked = false;
    made.on("error", () => {});
    made.on("blocked", (reason) => {
      isBlocked = true;
      log.warn({ reason }, "RabbitMQ takes no messages for the moment; jobs wait in the database");
    });
    made.on("unblocked", () => {
      isBlocked = false;
      log.info("RabbitMQ takes messages again");
    });
    made.on("close", (error = new Error("it was closed")) => lose(made, error));
  }

  function lose(lost: ChannelModel, error: Error | undefined) {
    if (connection !== lost) return;
    connection = undefined;
    isBlocked = false;
    if (isStopped) return;
    onLost();
    // While it is being set up, open() notices by itself.
    if (!connecting) {
      if (error) tellFailure(error);
      retryLater();
    }
  }

  function tellFailure(error: unknown) {
    failures += 1;
    if (isStopped || failures > 1) return;
    log.warn(
      { connection: options.name, reason: reasonOf(error) },
      "no connection to RabbitMQ; trying again until there is one",
    );
  }

  function retryLater() {
    if (isStopped) return;
    const pauseMs = Math.min(maxPauseMs, firstPauseMs * 2 ** Math.min(failures, 10));
    clearTimeout(timer);
    timer = setTimeout(begin, pauseMs * (0.5 + Math.random() / 2)).unref();
  }

  function begin() {
    if (isStopped || connecting) return;
    connecting = open().finally(() => {
      connecting = undefined;
      if (!connection) retryLater();
    });
  }

  return {
    get isBlocked() {
      return isBlocked;
    },
    start: begin,
    renew(reason) {
      const lost = connection;
      if (!lost) return;
      destroy(lost);
      lose(lost, reason === undefined ? undefined : new Error(reason));
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      const last = connection;
      connection = undefined;
      if (!last) return;
      await answered(last.close(), closeTimeoutMs).catch(() => {});
      destroy(last);
    },
  };
}

/** amqplib has no call that ends a connection without asking the other side. It notices by the error. */
function destroy({ connection }: ChannelModel) {
  const { stream } = connection as unknown as { stream: Duplex };
  stream.destroy(new Error("given up"));
}

/** Rejects when RabbitMQ takes longer. */
export const answered = <T>(work: Promise<T>, timeoutMs: number): Promise<T> =>
  withDeadline(work, timeoutMs, () => new Error(`no answer from RabbitMQ within ${timeoutMs} ms`));

function withHeartbeat(text: string): string {
  const url = new URL(text);
  if (!url.searchParams.has("heartbeat")) url.searchParams.set("heartbeat", String(heartbeatSeconds));
  return url.href;
}

/** Messages of amqplib name host and port at the most, never what is in the URL before them. */
const reasonOf = (error: unknown) => (error instanceof Error ? error.message || error.name : "unknown");
