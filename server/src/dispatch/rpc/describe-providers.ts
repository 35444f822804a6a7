import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type DescribeProvidersResponse,
  DescribeProvidersResponseSchema,
} from "@parley/api/internal/dispatch";
import { ProviderSchema, type QuotaStatus, QuotaStatusSchema, SpendCapSchema } from "@parley/api/v2/admin";
import type { SpendStatus } from "#dispatch/budget/budget.ts";
import type { DispatchParts } from "#dispatch/parts.ts";
import type { PermitStatus, QuotaState } from "#dispatch/permits/permits.ts";
import type { Lane } from "#dispatch/routing/lane.ts";
import { toUnits } from "#dispatch/rpc/process-view.ts";
import { circuitMessage, circuitTimes } from "#platform/circuit/circuit-message.ts";
import type { CircuitStatus } from "#platform/circuit/circuits-view.ts";
import { podName } from "#platform/pod.ts";

/** Quotas and money as the database has them; circuits and what is under way as they are at this process. */
export function describeProviders({ permits, budget, catalogue, router, circuits, clock }: DispatchParts) {
  return async (): Promise<DescribeProvidersResponse> => {
    const [statuses, spend] = await Promise.all([permits.status(), budget.status()]);
    const timeOf = circuitTimes(circuits, clock);
    const ofProviders = circuits.list().filter(({ service }) => service === "provider");
    const lanes = [...router.lanes.values()].sort((a, b) => a.provider.priceMicros - b.provider.priceMicros);
    const providers = lanes.map((lane) => {
      const { id } = lane.provider;
      const circuit = ofProviders.find(({ endpoint }) => endpoint === id);
      const permit = statuses.find(({ providerId }) => providerId === id);
      return create(ProviderSchema, {
        ...describeLane(lane),
        ...describePermits(permit, circuit),
        ...(circuit ? { circuit: circuitMessage(circuit, timeOf) } : {}),
        spentToday: toUnits(spend.byProviderMicros.get(id) ?? 0),
      });
    });
    const { currency } = catalogue;
    const spendCap = describeCap(catalogue, spend);
    return create(DescribeProvidersResponseSchema, {
      providers: { pod: podName, providers, spendCap, currency },
    });
  };
}

function describeLane({ provider, gate }: Lane) {
  const { id, adapter, url, priceMicros, concurrency } = provider;
  return {
    id,
    adapter,
    // User, password and query may be secrets.
    url: `${url.origin}${url.pathname}`,
    pricePerRequest: toUnits(priceMicros),
    underWay: gate.running,
    concurrency,
  };
}

function describePermits(status: PermitStatus | undefined, circuit: CircuitStatus | undefined) {
  const { state = "open", opensAtMs, requestsToday = 0, refusalsToday = 0, quotas = [] } = status ?? {};
  return {
    state: circuit?.snapshot.state === "open" ? "down" : state,
    ...(opensAtMs === undefined ? {} : { opensAt: toTime(opensAtMs) }),
    requestsToday: toUint32(requestsToday),
    refusalsToday: toUint32(refusalsToday),
    quotas: quotas.map(describeQuota),
  };
}

function describeQuota(quota: QuotaState): QuotaStatus {
  const { kind, limit, estimate, used, epoch, resetsAtMs } = quota;
  return create(QuotaStatusSchema, {
    kind,
    limit: toUint32(limit),
    limitEstimate: toUint32(estimate),
    used: toUint32(used),
    epoch: toUint32(epoch),
    ...(resetsAtMs === undefined ? {} : { resetsAt: toTime(resetsAtMs) }),
  });
}

function describeCap({ spendCapMicros, userSpendCapMicros }: DispatchParts["catalogue"], spend: SpendStatus) {
  return create(SpendCapSchema, {
    ...(spendCapMicros === undefined ? {} : { perDay: toUnits(spendCapMicros) }),
    ...(userSpendCapMicros === undefined ? {} : { perUserPerDay: toUnits(userSpendCapMicros) }),
    spentToday: toUnits(spend.spentMicros),
    reservedToday: toUnits(spend.reservedMicros),
  });
}

const toTime = (atMs: number) => timestampFromMs(Math.round(atMs));

const maxUint32 = 4_294_967_295;
const toUint32 = (value: number) => Math.min(maxUint32, Math.max(0, Math.floor(value)));
