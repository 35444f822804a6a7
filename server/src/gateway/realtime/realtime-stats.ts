/** What the realtime part of a gateway counts: plain numbers where it happens, read when somebody asks for metrics. */
import { type CloseReason, closeReasons } from "#gateway/realtime/close-codes.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export class RealtimeStats {
  /** Events times the sockets that each was pushed to live. */
  pushedEvents = 0;
  /** Subscribers that had to read from the event log before they could go on live. */
  catchUps = 0;
  readonly closed = new Map<CloseReason, number>();

  countClosed(reason: CloseReason): void {
    this.closed.set(reason, (this.closed.get(reason) ?? 0) + 1);
  }
}

export interface RealtimeGauges {
  sockets(): number;
  /** That somebody here is subscribed to. */
  chats(): number;
}

export function observeRealtime({ meter }: Telemetry, stats: RealtimeStats, gauges: RealtimeGauges): void {
  const counter = (name: string, unit: string, description: string) =>
    meter.createObservableCounter(`parley.realtime.${name}`, { unit, description });
  const gauge = (name: string, unit: string, description: string) =>
    meter.createObservableUpDownCounter(`parley.realtime.${name}`, { unit, description });
  gauge("sockets", "{socket}", "Open WebSockets").addCallback((r) => r.observe(gauges.sockets()));
  gauge("chats", "{chat}", "Chats that open sockets are subscribed to").addCallback((r) =>
    r.observe(gauges.chats()),
  );
  counter("events.pushed", "{event}", "Events pushed live, times their sockets").addCallback((r) =>
    r.observe(stats.pushedEvents),
  );
  counter("catch_ups", "{catch_up}", "Subscribers that had to read what they missed").addCallback((r) =>
    r.observe(stats.catchUps),
  );
  counter("sockets.closed", "{socket}", "WebSockets closed by the server, by reason").addCallback((r) => {
    for (const [name, reason] of Object.entries(closeReasons)) {
      r.observe(stats.closed.get(reason) ?? 0, { "parley.close.reason": name });
    }
  });
}
