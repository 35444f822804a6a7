/**
 * The event bus between pods, over Redis. In the process that publishes a message is delivered at once, as by the
 * local bus; Redis takes it to the other processes, or loses it: see docs/redis.md.
 */
import { randomBytes } from "node:crypto";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Meter } from "@opentelemetry/api";
import { type BusMessage, BusMessageSchema } from "@parley/api/internal/bus";
import { type Bus, createLocalBus, type Unsubscribe } from "#platform/bus.ts";
import { createGapSignal } from "#platform/gap-signal.ts";
import type { Log } from "#platform/log.ts";
import { createLogInterval } from "#platform/log-interval.ts";
import type { Redis } from "#platform/redis.ts";

export interface RedisBusOptions {
  redis: Redis;
  log: Log;
  meter: Meter;
}

export interface RedisBus extends Bus {
  stop(): void;
}

interface RemoteTopic {
  handlers: number;
  subscription: Promise<Unsubscribe>;
}

/** The topic in braces: in a cluster it decides which node carries the channel. */
const channelOf = (topic: string) => `parley:bus:{${topic}}`;
/** Each payload begins with the sender, so that it can pass over what comes back to it. */
const senderBytes = 16;
const logEveryMs = 1_000;

export function createRedisBus({ redis, log, meter }: RedisBusOptions): RedisBus {
  const local = createLocalBus((error) => log.error({ err: error }, "a bus handler failed"));
  const sender = randomBytes(senderBytes);
  const topics = new Map<string, RemoteTopic>();
  const lost = countLost(meter, topics);
  const gap = createGapSignal({ redis, channel: channelOf("gap"), sender });
  const isTimeToLog = createLogInterval(logEveryMs);

  const drop = () => {
    lost["redis-away"] += 1;
    gap.announce();
  };

  function send(topic: string, message: BusMessage) {
    if (!redis.isReady) return drop();
    const payload = Buffer.concat([sender, toBinary(BusMessageSchema, message)]);
    redis.publish(channelOf(topic), payload).catch(drop);
  }

  function receive(topic: string, payload: Buffer) {
    if (sender.compare(payload, 0, Math.min(senderBytes, payload.length)) === 0) return;
    const message = decode(topic, payload);
    if (!message) return;
    local.publish(topic, message);
  }

  function decode(topic: string, payload: Buffer): BusMessage | undefined {
    try {
      if (payload.length < senderBytes) throw new Error("shorter than its sender's id");
      return fromBinary(BusMessageSchema, payload.subarray(senderBytes));
    } catch (error) {
      lost.malformed += 1;
      if (isTimeToLog()) {
        log.warn({ err: error, topic, bytes: payload.length }, "dropped a message of the bus that is none");
      }
      return undefined;
    }
  }

  function open(topic: string): RemoteTopic {
    const known = topics.get(topic);
    if (known) return known;
    const subscription = redis.subscribe(channelOf(topic), (payload) => receive(topic, payload));
    const opened = { handlers: 0, subscription };
    topics.set(topic, opened);
    return opened;
  }

  return {
    publish(topic, message) {
      local.publish(topic, message);
      try {
        send(topic, message);
      } catch (error) {
        log.error({ err: error, topic }, "a message could not be written for the bus");
      }
    },
    async subscribe(topic, handler) {
      const stopLocal = await local.subscribe(topic, handler);
      const remote = open(topic);
      remote.handlers += 1;
      const stopRemote = await remote.subscription;
      let isStopped = false;
      return () => {
        if (isStopped) return;
        isStopped = true;
        stopLocal();
        remote.handlers -= 1;
        if (remote.handlers > 0) return;
        topics.delete(topic);
        stopRemote();
      };
    },
    onGap: gap.onGap,
    stop: gap.stop,
  };
}

/** What is published and received at all is counted around every bus, see metered-bus.ts. */
function countLost(meter: Meter, topics: ReadonlyMap<string, unknown>) {
  const lost = { "redis-away": 0, malformed: 0 };
  const description = "Messages of the event bus that did not get through Redis";
  meter
    .createObservableCounter("parley.bus.messages.lost", { unit: "{message}", description })
    .addCallback((result) => {
      for (const [reason, count] of Object.entries(lost))
        result.observe(count, { "parley.bus.reason": reason });
    });
  meter
    .createObservableUpDownCounter("parley.bus.subscriptions", {
      unit: "{topic}",
      description: "Topics that this process listens to through Redis",
    })
    .addCallback((result) => result.observe(topics.size));
  return lost;
}
