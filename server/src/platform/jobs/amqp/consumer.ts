/** Takes jobs from RabbitMQ; acknowledges each only when it is done, or when the database has it again. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import type { Database } from "#platform/database.ts";
import { within } from "#platform/deadline.ts";
import { createAmqpLink } from "#platform/jobs/amqp/amqp-link.ts";
import type { Outbox, OutboxMessage } from "#platform/jobs/amqp/outbox.ts";
import {
  attemptHeader,
  brokerQueue,
  declareQueue,
  deliveryCountHeader,
  traceparentHeader,
} from "#platform/jobs/amqp/topology.ts";
import { handleJob, type Outcome } from "#platform/jobs/handle-job.ts";
import type { JobMetrics } from "#platform/jobs/job-metrics.ts";
import type { JobHandler, QueueOptions } from "#platform/jobs/jobs.ts";
import type { RunningJobs } from "#platform/jobs/running-jobs.ts";
import type { Log } from "#platform/log.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface ConsumedQueue {
  options: QueueOptions;
  handler: JobHandler<never>;
  running: RunningJobs;
}

export interface ConsumerOptions {
  url: string;
  service: string;
  queue: ConsumedQueue;
  database: Database;
  outbox: Outbox;
  metrics: JobMetrics;
  telemetry: Telemetry;
  onError(error: unknown): void;
  log: Log;
}

export interface Consumer {
  start(): void;
  stop(deadlineMs: number): Promise<void>;
}

interface Ended {
  queue: QueueOptions;
  message: OutboxMessage;
  outcome: Outcome;
  isDead: boolean;
}

const maxBackoffMs = 3_600_000;
const retryWritingMs = 500;
const cancelTimeoutMs = 1_000;

/** Of one queue, with a connection of its own: one that RabbitMQ cannot serve holds up no other. */
export function createConsumer(options: ConsumerOptions): Consumer {
  const { service, queue: consumed, database, outbox, metrics, telemetry, onError } = options;
  /** With what ends their consuming. */
  const channels = new Map<Channel, string>();
  let isStopped = false;

  async function consume(connection: ChannelModel, queue: ConsumedQueue): Promise<void> {
    const channel = await connection.createChannel();
    const name = brokerQueue(service, queue.options.name);
    channel.on("error", () => {});
    channel.on("close", () => {
      if (!isStopped) link.renew("a channel was closed");
    });
    await declareQueue(channel, name);
    await channel.prefetch(queue.options.concurrency);
    const consumerTag = randomUUID();
    channels.set(channel, consumerTag);
    const onMessage = (message: ConsumeMessage | null) => {
      // Null: somebody deleted the queue.
      if (!message) return link.renew("a queue is missing");
      queue.running.track(work(channel, queue, message));
    };
    await channel.consume(name, onMessage, { consumerTag });
  }

  const link = createAmqpLink({
    url: options.url,
    name: `${brokerQueue(service, consumed.options.name)} worker`,
    setUp: (connection) => consume(connection, consumed),
    onLost: () => channels.clear(),
    log: options.log,
  });

  async function work(channel: Channel, queue: ConsumedQueue, received: ConsumeMessage): Promise<void> {
    const startedAtMs = performance.now();
    const { name, maxAttempts } = queue.options;
    const message = readMessage(name, received);
    const outcome = await attemptAt(queue, message);
    const isDead =
      outcome.kind === "failed" && (message.attempt >= maxAttempts || message.data === undefined);
    const retryOrDead = isDead ? "dead" : "retry";
    metrics.ended(name, outcome.kind === "failed" ? retryOrDead : outcome.kind, startedAtMs);
    const isHeld = () => channels.has(channel) && !queue.running.stopping.aborted;
    const ended = { queue: queue.options, message, outcome, isDead };
    if (await settleUntilWritten(ended, isHeld)) acknowledge(channel, received);
  }

  async function attemptAt(
    { options: queue, handler, running }: ConsumedQueue,
    { id, attempt, data, traceparent }: OutboxMessage,
  ): Promise<Outcome> {
    // It was on its way when we had RabbitMQ end the sending.
    if (isStopped) return { kind: "interrupted" };
    if (data === undefined) return { kind: "failed", error: "not a job of Parley" };
    if (attempt > queue.maxAttempts) return { kind: "failed", error: "its workers were killed" };
    return await handleJob({
      queue,
      handler,
      job: { id, attempt, data: data as never },
      traceparent: traceparent ?? undefined,
      stopping: running.stopping,
      telemetry,
    });
  }

  /** False: RabbitMQ will hand it out again. */
  async function settleUntilWritten({ queue, message, outcome, isDead }: Ended, isHeld: () => boolean) {
    for (;;) {
      try {
        await settle({ queue, message, outcome, isDead });
        return true;
      } catch (error) {
        onError(error);
        if (!isHeld()) return false;
        await delay(retryWritingMs);
      }
    }
  }

  async function settle({ queue, message, outcome, isDead }: Ended): Promise<void> {
    if (outcome.kind === "done") return;
    if (outcome.kind === "interrupted") return await outbox.put(database, message, 0);
    if (isDead) return await outbox.bury({ ...message, data: message.data ?? {} }, outcome.error);
    const next = { ...message, attempt: message.attempt + 1 };
    await outbox.put(database, next, backoffMs(queue, message.attempt));
  }

  return {
    start: link.start,
    async stop(deadlineMs) {
      isStopped = true;
      const cancelled = [...channels].map(([channel, consumerTag]) => cancel(channel, consumerTag));
      await within(Promise.all(cancelled), cancelTimeoutMs);
      await consumed.running.drain(deadlineMs);
      // A connection that is closed right behind an acknowledgement can take it along: a channel is closed in order.
      const open = [...channels.keys()];
      channels.clear();
      await within(Promise.all(open.map((channel) => channel.close().catch(() => {}))), cancelTimeoutMs);
      await link.stop();
    },
  };
}

/** Nothing comes any more then; a channel that is gone has nothing to cancel. */
const cancel = async (channel: Channel, consumerTag: string) => channel.cancel(consumerTag).catch(() => {});

/** When the channel is gone, RabbitMQ hands it out again. */
function acknowledge(channel: Channel, message: ConsumeMessage) {
  try {
    channel.ack(message);
  } catch {}
}

function backoffMs({ backoffMs }: QueueOptions, attempt: number): number {
  return Math.min(maxBackoffMs, backoffMs * 2 ** (attempt - 1)) * (0.75 + Math.random() / 2);
}

/** `data` is undefined when it cannot be read: somebody else put it there. */
function readMessage(queue: string, { content, properties }: ConsumeMessage): OutboxMessage {
  const headers = properties.headers ?? {};
  const attempt = Number(headers[attemptHeader]) + Number(headers[deliveryCountHeader] ?? 0);
  const id = String(properties.messageId ?? "");
  const isOurs = Number.isInteger(attempt) && /^[0-9a-f-]{36}$/.test(id);
  const traceparent = headers[traceparentHeader];
  return {
    id: isOurs ? id : randomUUID(),
    queue,
    attempt: isOurs ? attempt : 1,
    data: isOurs ? readJson(content) : undefined,
    traceparent: typeof traceparent === "string" ? traceparent : null,
  };
}

function readJson(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString());
  } catch {
    return undefined;
  }
}
