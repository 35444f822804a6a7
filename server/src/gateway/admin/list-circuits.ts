import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type ListCircuitsResponse, ListCircuitsResponseSchema } from "@parley/api/v2/admin";
import type { Transition } from "#platform/circuit/circuit.ts";
import type { BulkheadStatus, CircuitStatus, CircuitsView } from "#platform/circuit/circuits-view.ts";
import type { Clock } from "#platform/clock.ts";
import { podName } from "#platform/pod.ts";

export function listCircuits(parts: { circuits: CircuitsView; clock: Clock }): ListCircuitsResponse {
  const { circuits, clock } = parts;
  /** Circuits have a clock of their own, which says only how long ago something was. */
  const timeOf = (atMs: number) => timestampFromMs(Math.round(clock.now() - (circuits.nowMs() - atMs)));
  return create(ListCircuitsResponseSchema, {
    pod: podName,
    circuits: circuits.list().map((status) => toCircuit(status, timeOf)),
    bulkheads: circuits.bulkheads().map(toBulkhead),
  });
}

type TimeOf = (atMs: number) => ReturnType<typeof timestampFromMs>;

function toCircuit({ service, endpoint, snapshot, transitions }: CircuitStatus, timeOf: TimeOf) {
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

const maxUint32 = 4_294_967_295;

function toBulkhead({ service, maxCalls, gate }: BulkheadStatus) {
  const { running, waiting, refused } = gate;
  return { service, maxCalls, underWay: running, waiting, refused: Math.min(refused, maxUint32) };
}
