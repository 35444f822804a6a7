/** How a request looks to its user. */
import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ProcessResponse } from "@parley/api/v2/process";
import type { RequestRow } from "#dispatch/requests/request-row.ts";
import type { Served } from "#dispatch/routing/router.ts";
import { errorKinds } from "#platform/errors.ts";

const microsPerUnit = 1_000_000;
/** Out of millionths, in the currency. */
export const toUnits = (micros: number) => micros / microsPerUnit;

export function viewOfRow(row: RequestRow, currency: string): ProcessResponse {
  const { errorCode, errorDetail, freeOpensAt, endedAt } = row;
  return {
    $typeName: "parley.v2.ProcessResponse",
    id: row.id,
    status: statusOf(row),
    processor: row.processor,
    result: row.result ?? "",
    provider: endedAt ? (row.provider ?? "") : "",
    cost: toUnits(row.costMicros),
    currency,
    reason: row.reason ?? "",
    ...(freeOpensAt ? { freeOpensAt: timestampFromDate(freeOpensAt) } : {}),
    createdAt: timestampFromDate(row.createdAt),
    ...(endedAt ? { finishedAt: timestampFromDate(endedAt) } : {}),
    errorCode: errorCode ?? "",
    errorDetail: errorCode ? (errorDetail ?? errorKinds[errorCode].title) : "",
  };
}

function statusOf({ status, owner }: RequestRow): string {
  if (status === "done" || status === "failed") return status;
  return status === "waiting" && !owner ? "waiting" : "running";
}

export interface ServedView {
  served: Served;
  processor: string;
  currency: string;
  beganAtMs: number;
  endedAtMs: number;
}

/** Of one that leaves nothing behind, and so has no id. */
export function viewOfServed(view: ServedView): ProcessResponse {
  const { result, providerId, costMicros, reason, freeOpensAtMs } = view.served;
  return {
    $typeName: "parley.v2.ProcessResponse",
    id: "",
    status: "done",
    processor: view.processor,
    result,
    provider: providerId,
    cost: toUnits(costMicros),
    currency: view.currency,
    reason,
    ...(freeOpensAtMs === undefined ? {} : { freeOpensAt: timestampFromMs(Math.round(freeOpensAtMs)) }),
    createdAt: timestampFromMs(view.beganAtMs),
    finishedAt: timestampFromMs(view.endedAtMs),
    errorCode: "",
    errorDetail: "",
  };
}
