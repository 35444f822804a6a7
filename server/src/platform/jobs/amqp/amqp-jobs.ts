/** Jobs carried by RabbitMQ, from an outbox in PostgreSQL. See docs/decisions/0030-jobs.md. */
import { randomUUID } from "node:crypto";
import { type ConsumedQueue, type Consumer, createConsumer } from "#platform/jobs/amqp/consumer.ts";
import { createOutbox } from "#platform/jobs/amqp/outbox.ts";
import { createPublisher, type Publisher } from "#platform/jobs/amqp/publisher.ts";
import { createJobMetrics } from "#platform/jobs/job-metrics.ts";
import type { JobInspection, Jobs } from "#platform/jobs/jobs.ts";
import type { JobsOptions } from "#platform/jobs/jobs-options.ts";
import { createRunningJobs } from "#platform/jobs/running-jobs.ts";
import { createWaitingLimit } from "#platform/jobs/waiting-limit.ts";
import { createLogInterval } from "#platform/log-interval.ts";
import { createPeriodic } from "#platform/periodic.ts";
import { activeTrace } from "#platform/telemetry/active-trace.ts";

const sweepMs = 3_600_000;

export function createAmqpJobs(options: JobsOptions & { amqpUrl: string }): Jobs {
  const { service, database, amqpUrl: url, maxWaiting, telemetry, log } = options;
  const outbox = createOutbox(database, service);
  const queues: ConsumedQueue[] = [];
  const publishers = new Map<string, Publisher>();
  const consumers: Consumer[] = [];
  const isTimeToLog = createLogInterval(10_000);
  const onError = (error: unknown) => {
    if (isTimeToLog()) log.warn({ err: error }, "jobs are held up");
  };
  const parts = { url, service, database, outbox, onError, log };
  /** By queue; one of which RabbitMQ does not tell counts as empty. */
  const ready = async () =>
    new Map(
      await Promise.all(
        [...publishers].map(
          async ([queue, publisher]): Promise<[string, number]> => [
            queue,
            await publisher.countReady().catch(() => 0),
          ],
        ),
      ),
    );
  const inspection: JobInspection = {
    ...outbox,
    async counts() {
      const [stored, inBroker] = await Promise.all([outbox.counts(), ready()]);
      const runningOf = new Map(running());
      return stored.map((counts) => ({
        ...counts,
        waiting: counts.waiting + (inBroker.get(counts.queue) ?? 0),
        running: runningOf.get(counts.queue) ?? 0,
      }));
    },
  };
  const running = () => queues.map(({ options, running }): [string, number] => [options.name, running.size]);
  const metrics = createJobMetrics({ telemetry, inspection, running });
  const limit = createWaitingLimit({
    maxWaiting,
    async count() {
      const [stored, inBroker] = await Promise.all([outbox.countWaiting(), ready()]);
      return [...inBroker.values()].reduce((sum, count) => sum + count, stored);
    },
  });
  const sweeper = createPeriodic({ everyMs: sweepMs, run: () => outbox.forgetOldDead(), onError });
  return {
    queue(queueOptions, handler) {
      const queue = { options: queueOptions, handler: handler as never, running: createRunningJobs() };
      queues.push(queue);
      consumers.push(createConsumer({ ...parts, queue, metrics, telemetry }));
      const publisher = createPublisher({ ...parts, queue: queueOptions.name });
      publishers.set(queueOptions.name, publisher);
      return {
        async enqueue(tx, data, { afterMs = 0 } = {}) {
          await limit.take();
          const traceparent = activeTrace()?.traceparent ?? null;
          const message = { id: randomUUID(), queue: queueOptions.name, attempt: 1, data, traceparent };
          await outbox.put(tx, message, afterMs);
        },
        wake: publisher.wake,
      };
    },
    inspection: {
      ...inspection,
      async requeue(queue, ids) {
        const count = await inspection.requeue(queue, ids);
        publishers.get(queue)?.wake();
        return count;
      },
    },
    async start() {
      await outbox.migrate(log);
      await outbox.declareQueues([...publishers.keys()]);
      for (const publisher of publishers.values()) publisher.start();
      for (const consumer of consumers) consumer.start();
      sweeper.start();
    },
    async stop(deadlineMs) {
      await sweeper.stop();
      await Promise.all(consumers.map((consumer) => consumer.stop(deadlineMs)));
      await Promise.all([...publishers.values()].map((publisher) => publisher.stop()));
    },
  };
}
