/** What a connection to Redis tells of itself. */
import type { Counter, Meter } from "@opentelemetry/api";

/** Returns the count of failed commands. */
export function observeRedis(
  meter: Meter,
  { isUp, subscriptions }: { isUp: () => boolean; subscriptions: () => number },
): Counter {
  meter
    .createObservableGauge("parley.redis.up", { description: "1 while Redis answers" })
    .addCallback((result) => result.observe(isUp() ? 1 : 0));
  meter
    .createObservableUpDownCounter("parley.redis.subscriptions", {
      unit: "{channel}",
      description: "Channels of Redis that this process is subscribed to",
    })
    .addCallback((result) => result.observe(subscriptions()));
  return meter.createCounter("parley.redis.command.failures", {
    unit: "{command}",
    description: "Commands that Redis did not carry out",
  });
}
