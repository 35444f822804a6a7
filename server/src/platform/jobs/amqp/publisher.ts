/**
 * Brings due jobs from the outbox to RabbitMQ: a row goes only after the broker's confirm, in the transaction that took
 * it. Killed in between, the job is published once more by whoever looks next; lost it is never.
 */
import type { ChannelModel, ConfirmChannel } from "amqplib";
import type { Database } from "#platform/database.ts";
import { answered, createAmqpLink } from "#platform/jobs/amqp/amqp-link.ts";
import type { Outbox, OutboxMessage } from "#platform/jobs/amqp/outbox.ts";
import { attemptHeader, brokerQueue, declareQueue, traceparentHeader } from "#platform/jobs/amqp/topology.ts";
import { createWakeableLoop } from "#platform/jobs/wakeable-loop.ts";
import type { Log } from "#platform/log.ts";

export interface PublisherOptions {
  url: string;
  service: string;
  database: Database;
  outbox: Outbox;
  /** Names of the queues. */
  queues: readonly string[];
  onError(error: unknown): void;
  log: Log;
}

export interface Publisher {
  start(): void;
  wake(): void;
  /** Messages that are ready in RabbitMQ, by queue; rejects when it does not answer. */
  countReady(): Promise<Map<string, number>>;
  stop(): Promise<void>;
}

const pollMs = 600;
const batchSize = 100;
/** Less than the database lets a transaction be idle (PARLEY_DATABASE_TIMEOUT_MS). */
const confirmTimeoutMs = 3_000;
const countTimeoutMs = 2_000;

export function createPublisher(options: PublisherOptions): Publisher {
  const { service, database, outbox, onError, log } = options;
  const nameOf = (queue: string) => brokerQueue(service, queue);
  let channel: ConfirmChannel | undefined;
  const unroutable = new Set<string>();

  async function setUp(connection: ChannelModel) {
    const made = await connection.createConfirmChannel();
    made.on("error", () => {});
    made.on("close", () => link.renew("the channel was closed"));
    made.on("return", ({ properties }) => void unroutable.add(String(properties.messageId)));
    for (const queue of options.queues) await declareQueue(made, nameOf(queue));
    channel = made;
    loop.wake();
  }

  const link = createAmqpLink({
    url: options.url,
    name: `parley-${service}-publisher`,
    setUp,
    onLost() {
      channel = undefined;
    },
    log,
  });

  async function publishDue(): Promise<boolean> {
    const open = channel;
    if (!open || link.isBlocked) return false;
    const published = await database.transaction(async (tx) => {
      const messages = await outbox.takeDue(tx, batchSize);
      const confirmed = messages.length > 0 ? await publishAll(open, messages) : [];
      if (confirmed.length > 0) await outbox.remove(tx, confirmed);
      return { due: messages.length, confirmed: confirmed.length };
    });
    return published.due === batchSize && published.confirmed > 0;
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
    } catch (error) {
      // Confirms may come yet for what is sent again then; and a connection that is silent is as good as none.
      link.renew("no confirm in time");
      onError(error);
    }
    const kept = confirmed.filter((id) => !unroutable.has(id));
    // Somebody deleted a queue.
    if (kept.length < confirmed.length) link.renew("a queue is missing");
    return kept;
  }

  function publish(open: ConfirmChannel, message: OutboxMessage): Promise<boolean> {
    const { id, queue, attempt, data, traceparent } = message;
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
      open.sendToQueue(nameOf(queue), Buffer.from(JSON.stringify(data)), properties, (error) =>
        resolve(!error),
      );
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
      const counts = options.queues.map(async (queue): Promise<[string, number]> => {
        const { messageCount } = await open.checkQueue(nameOf(queue));
        return [queue, messageCount];
      });
      return new Map(await answered(Promise.all(counts), countTimeoutMs));
    },
    async stop() {
      await loop.stop();
      await link.stop();
    },
  };
}
