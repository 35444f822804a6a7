/** The last part of a message's trace: from the bus to the sockets of this gateway. Never says whose sockets. */
import { SpanKind } from "@opentelemetry/api";
import type { EventTrace } from "@parley/api/internal/bus";
import type { Event } from "@parley/api/v2/event";
import { startTimes, type Tracing } from "#platform/telemetry/tracing.ts";

export interface PushTracing {
  /** An event has come whose trace is recorded. */
  receive(traceparent: string): ReceivedEvent;
}

export interface ReceivedEvent {
  pushed(sockets: number, event: Event): void;
}

export function createPushTracing(tracing: Tracing): PushTracing {
  return {
    receive(traceparent) {
      const { startTime, now } = startTimes();
      return {
        pushed(sockets, { chatId, seq, kind }) {
          const attributes = {
            "parley.sockets": sockets,
            "parley.event.kind": kind,
            "parley.chat.id": chatId,
            ...(seq === undefined ? {} : { "parley.event.seq": seq }),
          };
          const trace = tracing.continue(traceparent, "push", {
            kind: SpanKind.CONSUMER,
            startTime,
            attributes,
          });
          trace?.span.end(now());
        },
      };
    },
  };
}

/** Of events that wait for earlier ones. */
const maxWaiting = 100;

/** The traces of a chat's events between their arrival and their push. */
export class FeedTraces {
  readonly #tracing: PushTracing;
  readonly #waiting = new Map<number, ReceivedEvent>();

  constructor(tracing: PushTracing) {
    this.#tracing = tracing;
  }

  receive(events: readonly Event[], traces: readonly EventTrace[]): void {
    for (const { index, traceparent } of traces) {
      const seq = events[index]?.seq;
      if (seq === undefined || this.#waiting.has(seq) || this.#waiting.size >= maxWaiting) continue;
      this.#waiting.set(seq, this.#tracing.receive(traceparent));
    }
  }

  /** These were pushed to so many sockets. True: nothing waits any more. */
  pushed(events: readonly Event[], sockets: number): boolean {
    for (const event of events) {
      if (event.seq === undefined) continue;
      this.#waiting.get(event.seq)?.pushed(sockets, event);
    }
    const lastSeq = events.at(-1)?.seq ?? 0;
    for (const seq of this.#waiting.keys()) if (seq <= lastSeq) this.#waiting.delete(seq);
    return this.#waiting.size === 0;
  }
}
