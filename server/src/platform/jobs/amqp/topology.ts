/** What there is in RabbitMQ: one quorum queue for each queue of jobs, and nothing else. */
import type { Channel } from "amqplib";

/** Headers of a message. Its id is the job's. */
export const attemptHeader = "x-parley-attempt";
export const traceparentHeader = "traceparent";
/** How often RabbitMQ has taken it back from a consumer that was gone. */
export const deliveryCountHeader = "x-delivery-count";

export const brokerQueue = (service: string, queue: string) => `parley.${service}.${queue}`;

/**
 * RabbitMQ 4 throws a message away that was redelivered 20 times, unless told otherwise. We count redeliveries
 * ourselves, and bury a job that had too many.
 */
const deliveryLimit = 1_000_000;

export async function declareQueue(channel: Channel, name: string): Promise<void> {
  await channel.assertQueue(name, {
    durable: true,
    arguments: { "x-queue-type": "quorum", "x-delivery-limit": deliveryLimit },
  });
}
