/**
 * What was sent in one run, and what has come of it: each send must be acknowledged once and reach every other
 * socket of its chat once. Latency counts from the moment the send was due.
 */
import { createLatencyRecorder, type LatencySummary } from "./latency.ts";

export interface LedgerOptions {
  /** When each send is due, on the clock that is passed to the methods, in milliseconds. */
  dueAt: Float64Array;
  /** Sends due earlier are warm-up: counted, but not among the latencies. */
  measureFrom: number;
  /** The end of the window in which throughput is counted. */
  measureUntil: number;
}

export interface Counts {
  sent: number;
  acknowledged: number;
  refused: number;
  /** Receipts at sockets other than the sender's. */
  delivered: number;
  expectedDeliveries: number;
  /** Sends not refused, and not yet both acknowledged and received everywhere. */
  outstanding: number;
}

export interface LedgerSummary extends Counts {
  /** Acknowledged within the window, whenever sent. */
  acknowledgedInWindow: number;
  deliveredInWindow: number;
  sentInWindow: number;
  /** What the schedule asked for; a closed loop has none. */
  dueInWindow: number;
  /** From due to received, over all receipts of the sends of the window. */
  delivery: LatencySummary;
  /** From due to acknowledged. */
  acknowledgement: LatencySummary;
  /** From due to handed to the socket: the generator's own lateness. */
  lateness: LatencySummary;
  errors: Record<string, number>;
}

export type DeliveryLedger = ReturnType<typeof createDeliveryLedger>;

export function createDeliveryLedger({ dueAt, measureFrom, measureUntil }: LedgerOptions) {
  const awaited = new Uint32Array(dueAt.length);
  const latencies = {
    delivery: createLatencyRecorder(),
    acknowledgement: createLatencyRecorder(),
    lateness: createLatencyRecorder(),
  };
  const counts: Counts = {
    sent: 0,
    acknowledged: 0,
    refused: 0,
    delivered: 0,
    expectedDeliveries: 0,
    outstanding: 0,
  };
  const inWindow = { sentInWindow: 0, acknowledgedInWindow: 0, deliveredInWindow: 0 };
  const errors: Record<string, number> = {};
  const settle = (index: number) => {
    if (awaited[index]! > 0 && --awaited[index]! === 0) counts.outstanding--;
  };
  const isMeasured = (index: number) => dueAt[index]! >= measureFrom;
  const isInWindow = (now: number) => now >= measureFrom && now < measureUntil;
  return {
    counts: counts as Readonly<Counts>,
    sent(index: number, receivers: number, now: number) {
      awaited[index] = receivers + 1;
      counts.sent++;
      counts.expectedDeliveries += receivers;
      counts.outstanding++;
      if (isInWindow(now)) inWindow.sentInWindow++;
      if (isMeasured(index)) latencies.lateness.record(now - dueAt[index]!);
    },
    acknowledged(index: number, now: number) {
      counts.acknowledged++;
      if (isInWindow(now)) inWindow.acknowledgedInWindow++;
      if (isMeasured(index)) latencies.acknowledgement.record(now - dueAt[index]!);
      settle(index);
    },
    /** Nothing more is awaited of it. */
    refused(index: number, code: string) {
      counts.refused++;
      if (awaited[index]! > 0) counts.outstanding--;
      awaited[index] = 0;
      errors[code] = (errors[code] ?? 0) + 1;
    },
    delivered(index: number, now: number) {
      counts.delivered++;
      if (isInWindow(now)) inWindow.deliveredInWindow++;
      if (isMeasured(index)) latencies.delivery.record(now - dueAt[index]!);
      settle(index);
    },
    summary: (): LedgerSummary => ({
      ...counts,
      ...inWindow,
      dueInWindow: dueAt.filter((at) => isInWindow(at)).length,
      delivery: latencies.delivery.summary(),
      acknowledgement: latencies.acknowledgement.summary(),
      lateness: latencies.lateness.summary(),
      errors,
    }),
  };
}
