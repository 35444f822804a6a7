/**
 * Brings the due jobs of one queue from the outbox to RabbitMQ: a row goes only after the broker's confirm, in the transaction that took
 * it. Killed in between, the job is published once more by whoever looks next; lost it is never.
 */
import type { ChannelModel, ConfirmChannel } from "amqplib";
import type { Database } from "#platform/database.ts";
import { answered, createAmqpLink } from "#platform/jobs/amqp/amqp-link.ts";
import type { Outbox, OutboxMessage } from "#platform/jobs/amqp/outbox.ts";
import { attemptHeader, brokerQueue, declareQueue, traceparentHeader } from "#platform/jobs/amqp/topology.ts";
import { createWakeableLoop } from "#platform/jobs/wakeable-loop.ts";
import type { Log } from "#platform/log.ts";
import { createLogInterval } from "#platform/log-interval.ts";

export interface PublisherOptions {
  url: string;
  service: string;
  database: Database;
  outbox: Outbox;
  queue: string;
  onError(error: unknown): void;
  log: Log;
}

export interface Publisher {
  start(): void;
  wake(): void;
  /** Messages that are ready in RabbitMQ; rejects when it does not answer. */
  countReady(): Promise<number>;
  stop(): Promise<void>;
}

const pollMs = 600;
const batchSize = 100;
/** Less than the database lets a transaction be idle (PARLEY_DATABASE_TIMEOUT_MS). */
const confirmTimeoutMs = 3_000;
const countTimeoutMs = 2_000;
/** After the first confirm that did not come; doubled with each after it. */
const firstPauseMs = 1_000;
const maxPauseMs = 30_000;
const logEveryMs = 60_000;
/**
 * RabbitMQ 3.10 forgets a quorum queue that it made less than half a second before it was killed, with all it confirmed.
 * We may have made it just now, or another pod.
 */
const untilQueueIsKeptMs = 1_000;

/**
 * With a connection of its own: RabbitMQ does not even close a channel on which a queue owes a confirm, and jobs of other
 * queues must not wait for it.
 */
export function createPublisher(options: PublisherOptions): Publisher {
  const { service, queue, database, outbox, onError, log } = options;
  const name = brokerQueue(service, queue);
  const isTimeToLog = createLogInterval(logEveryMs);
  let failures = 0;
  let pausedUntilMs = 0;
  let resuming: NodeJS.Timeout | undefined;
  let channel: ConfirmChannel | undefined;
  const unroutable = new Set<string>();

  async function setUp(connection: ChannelModel) {
    const made = await connection.createConfirmChannel();
    made.on("error", () => {});
    made.on("close", () => link.renew("the channel was closed"));
    made.on("return", ({ properties }) => void unroutable.add(String(properties.messageId)));
    await declareQueue(made, name);
    channel = made;
    notBefore(untilQueueIsKeptMs);
  }

  const link = createAmqpLink({
    url: options.url,
    name: `${name} publisher`,
    setUp,
    onLost() {
      channel = undefined;
    },
    log,
  });

  async function publishDue(): Promise<boolean> {
    const open = channel;
    if (!open || link.isBlocked || performance.now() < pausedUntilMs) return false;
    const limit = failures > 0 ? 1 : batchSize;
    const published = await database.transaction(async (tx) => {
      const messages = await outbox.takeDue(tx, queue, limit);
      const confirmed = messages.length > 0 ? await publishAll(open, messages) : [];
      if (confirmed.length > 0) await outbox.remove(tx, confirmed);
      return { due: messages.length, confirmed: confirmed.length };
    });
    return published.due === limit && published.confirmed > 0;
  }

  /** Answers the ids of those that RabbitMQ has. */
  async function publishAll(open: ConfirmChannel, messages: readonly OutboxMessage[]): Promise<string[]> {
    unroutable.clear();
    const confirmed: string[] = [];
    try {
      const confirms = messages.map(async (message) => {
        if (await publish(open, message)) confirmed.push(message.id);
      });
      await answered(Promise.all(confirms), confirmTimeoutMs);
      if (confirmed.length > 0) noteConfirm();
    } catch {
      pause();
    }
    const kept = confirmed.filter((id) => !unroutable.has(id));
    // Somebody deleted a queue.
    if (kept.length < confirmed.length) link.renew("a queue is missing");
    return kept;
  }

  function notBefore(pauseMs: number) {
    pausedUntilMs = Math.max(pausedUntilMs, performance.now() + pauseMs);
    clearTimeout(resuming);
    resuming = setTimeout(loop.wake, pausedUntilMs - performance.now() + 1).unref();
  }

  function noteConfirm() {
    if (failures > 0) log.info({ queue: name }, "RabbitMQ confirms the jobs of a queue again");
    failures = 0;
  }

  /** Confirms may come yet for what is sent again then; and a connection that is silent is as good as none. */
  function pause() {
    if (link.isBlocked) return link.renew("no confirm in time");
    link.renew();
    notBefore(Math.min(maxPauseMs, firstPauseMs * 2 ** Math.min(failures, 10)));
    failures += 1;
    if (!isTimeToLog()) return;
    log.warn(
      { queue: name, failures },
      "RabbitMQ does not confirm the jobs of a queue; they wait in the database (docs/jobs.md says what to do)",
    );
  }

  function publish(open: ConfirmChannel, message: OutboxMessage): Promise<boolean> {
    const { id, attempt, data, traceparent } = message;
    const headers = {
      [attemptHeader]: attempt,
      ...(traceparent ? { [traceparentHeader]: traceparent } : {}),
    };
    const properties = {
      persistent: true,
      mandatory: true,
      messageId: id,
      contentType: "application/json",
      headers,
    };
    return new Promise((resolve) => {
      open.sendToQueue(name, Buffer.from(JSON.stringify(data)), properties, (error) => resolve(!error));
    });
  }

  const loop = createWakeableLoop({ everyMs: pollMs, run: publishDue, onError });

  return {
    start() {
      link.start();
      loop.start();
    },
    wake: loop.wake,
    async countReady() {
      const open = channel;
      if (!open) throw new Error("no connection to RabbitMQ");
      const { messageCount } = await answered(open.checkQueue(name), countTimeoutMs);
      return messageCount;
    },
    async stop() {
      await loop.stop();
      await link.stop();
      clearTimeout(resuming);
    },
  };
}
