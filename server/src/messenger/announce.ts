/** Tells the bus what has been committed, before the caller is answered. */
import { create } from "@bufbuild/protobuf";
import { type Span, SpanKind } from "@opentelemetry/api";
import { BusMessageSchema } from "@parley/api/internal/bus";
import type { Event } from "@parley/api/v2/event";
import { type Bus, topics } from "#platform/bus.ts";
import { activeTrace } from "#platform/telemetry/active-trace.ts";
import type { Telemetry } from "#platform/telemetry.ts";
import { formatTraceparent, type Trace } from "#platform/trace.ts";

export interface Announcer {
  bus: Bus;
  telemetry: Telemetry;
}

/** The recorded traces of some of the events; undefined elsewhere. */
export type TracesOfEvents = ReadonlyArray<Trace | undefined>;

/** Events of one chat in the order of their seq. Who joins or leaves is told besides: the chat's topic may not reach them. */
export function announce(
  announcer: Announcer,
  { chatId, events, traces }: { chatId: string; events: Event[]; traces?: TracesOfEvents | undefined },
): void {
  if (events.length === 0) return;
  const { bus } = announcer;
  publishTraced(announcer, [topics.chat(chatId)], { events, traces: traces ?? activeTraces(events) });
  for (const event of events) {
    const { change = "", userId = "" } = event.membership ?? {};
    if (change === "added" || change === "removed") {
      bus.publish(topics.user(userId), create(BusMessageSchema, { events: [event] }));
    }
  }
}

/** A chat has come into being: told to its members, who cannot know its topic yet. */
export function announceNewChat(announcer: Announcer, memberIds: readonly string[], event: Event): void {
  const events = [event];
  publishTraced(announcer, memberIds.map(topics.user), { events, traces: activeTraces(events) });
}

function activeTraces(events: Event[]): TracesOfEvents | undefined {
  const trace = activeTrace();
  return trace && events.map(() => trace);
}

/** Each recorded event gets a span of its own trace, under which the gateways' pushes stand. */
function publishTraced(
  { bus, telemetry }: Announcer,
  names: readonly string[],
  { events, traces }: { events: Event[]; traces: TracesOfEvents | undefined },
) {
  const message = create(BusMessageSchema, { events });
  const spans: Span[] = [];
  for (const [index, trace] of traces?.entries() ?? []) {
    const span = telemetry.tracing.child(trace, "publish", publishSpan);
    if (!span) continue;
    spans.push(span);
    const traceparent = formatTraceparent(span.spanContext());
    message.eventTraces.push({ $typeName: "parley.internal.v1.EventTrace", index, traceparent });
  }
  for (const name of names) bus.publish(name, message);
  for (const span of spans) span.end();
}

const publishSpan = { kind: SpanKind.PRODUCER };
