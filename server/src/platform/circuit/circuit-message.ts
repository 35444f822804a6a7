/** A circuit as operators are shown it. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { CircuitSchema } from "@parley/api/v2/admin";
import type { Transition } from "#platform/circuit/circuit.ts";
import type { CircuitStatus, CircuitsView } from "#platform/circuit/circuits-view.ts";
import type { Clock } from "#platform/clock.ts";

type TimeOf = (atMs: number) => Timestamp;

/**
 * Times of day for one answer: circuits have a clock of their own, which says only how long ago something was. The two
 * clocks are compared once, or one moment would be told as two that differ by a millisecond.
 */
export function circuitTimes(circuits: Pick<CircuitsView, "nowMs">, clock: Clock): TimeOf {
  const offsetMs = clock.now() - circuits.nowMs();
  return (atMs) => timestampFromMs(Math.round(offsetMs + atMs));
}

export function circuitMessage(
  { service, endpoint, snapshot, transitions }: CircuitStatus,
  timeOf: TimeOf,
): MessageInitShape<typeof CircuitSchema> {
  const { state, sinceMs, counts, retryAfterMs, opened, probesUnderWay, probesSucceeded } = snapshot;
  return {
    service,
    endpoint,
    state,
    since: timeOf(sinceMs),
    reason: snapshot.transition?.reason ?? "",
    retryAfterMs,
    calls: counts.calls,
    failures: counts.failures,
    slowCalls: counts.slow,
    opened,
    probesUnderWay,
    probesSucceeded,
    transitions: transitions.map((transition) => toTransition(transition, timeOf)),
  };
}

function toTransition({ from, to, reason, failure, counts, atMs }: Transition, timeOf: TimeOf) {
  const { calls, failures, slow } = counts;
  return { at: timeOf(atMs), from, to, reason, failure, calls, failures, slowCalls: slow };
}
