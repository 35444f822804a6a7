/** A bus whose traffic is counted, by kind of topic. */
import type { Bus } from "#platform/bus.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export function meterBus(bus: Bus, { meter }: Telemetry): Bus {
  const published = new Map<string, number>();
  const received = new Map<string, number>();
  const counters = [
    ["parley.bus.messages.published", "Messages given to the event bus", published],
    ["parley.bus.messages.received", "Messages that the event bus brought", received],
  ] as const;
  for (const [name, description, counts] of counters) {
    meter.createObservableCounter(name, { unit: "{message}", description }).addCallback((result) => {
      for (const [kind, value] of counts) result.observe(value, { "parley.bus.topic": kind });
    });
  }
  return {
    publish(topic, message) {
      count(published, topic);
      bus.publish(topic, message);
    },
    subscribe: (topic, handler) =>
      bus.subscribe(topic, (message) => {
        count(received, topic);
        handler(message);
      }),
    onGap: (listener) => bus.onGap(listener),
  };
}

/** Ids are no part of a metric. */
function count(counts: Map<string, number>, topic: string) {
  const at = topic.indexOf(":");
  const kind = at < 0 ? topic : topic.slice(0, at);
  counts.set(kind, (counts.get(kind) ?? 0) + 1);
}
