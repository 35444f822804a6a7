import { create } from "@bufbuild/protobuf";
import { type ListCircuitsResponse, ListCircuitsResponseSchema } from "@parley/api/v2/admin";
import { circuitMessage, circuitTimes } from "#platform/circuit/circuit-message.ts";
import type { BulkheadStatus, CircuitsView } from "#platform/circuit/circuits-view.ts";
import type { Clock } from "#platform/clock.ts";
import { podName } from "#platform/pod.ts";

export function listCircuits(parts: { circuits: CircuitsView; clock: Clock }): ListCircuitsResponse {
  const { circuits, clock } = parts;
  const timeOf = circuitTimes(circuits, clock);
  return create(ListCircuitsResponseSchema, {
    pod: podName,
    circuits: circuits.list().map((status) => circuitMessage(status, timeOf)),
    bulkheads: circuits.bulkheads().map(toBulkhead),
  });
}

const maxUint32 = 4_294_967_295;

function toBulkhead({ service, maxCalls, gate }: BulkheadStatus) {
  const { running, waiting, refused } = gate;
  return { service, maxCalls, underWay: running, waiting, refused: Math.min(refused, maxUint32) };
}
