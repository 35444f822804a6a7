/** How long RPCs take, by method and outcome; named by OpenTelemetry's conventions for RPC. */
import type { DescMethod } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { type ErrorCode, errorKinds } from "#platform/errors.ts";
import type { Histogram, HistogramSeries } from "#platform/telemetry/duration-histogram.ts";
import { durationBounds } from "#platform/telemetry/duration-histogram.ts";
import type { Telemetry } from "#platform/telemetry.ts";

/** Undefined: it succeeded. */
export type RecordRpc = (method: DescMethod, code: ErrorCode | undefined, startedAtMs: number) => void;

export const rpcMethod = (method: DescMethod) => `${method.parent.typeName}/${method.name}`;

export interface RpcMetricsOptions {
  side: "client" | "server";
  /** rpc.system.name: "grpc", "connectrpc", or a name of our own. */
  system: string;
  /** Who serves: "gateway", "messenger", … */
  role: string;
}

/** startedAtMs is by performance.now(). */
export function createRpcMetrics(telemetry: Telemetry, { side, system, role }: RpcMetricsOptions): RecordRpc {
  const histogram = telemetry.histogram(`rpc.${side}.call.duration`, {
    description: side === "server" ? "Calls served" : "Calls made to other services",
    unit: "s",
    bounds: durationBounds,
  });
  const byMethod = new Map<DescMethod, Map<ErrorCode | undefined, HistogramSeries>>();
  const seriesOf = (method: DescMethod, code: ErrorCode | undefined) => {
    const known = byMethod.get(method)?.get(code);
    if (known) return known;
    const made = newSeries(histogram, { method, code, system, role });
    byMethod.set(method, (byMethod.get(method) ?? new Map()).set(code, made));
    return made;
  };
  return (method, code, startedAtMs) =>
    seriesOf(method, code).record((performance.now() - startedAtMs) / 1_000);
}

interface SeriesNames {
  method: DescMethod;
  code: ErrorCode | undefined;
  system: string;
  role: string;
}

function newSeries(histogram: Histogram, { method, code, system, role }: SeriesNames): HistogramSeries {
  return histogram.series({
    "rpc.system.name": system,
    "rpc.method": rpcMethod(method),
    "rpc.response.status_code": statusCode(code),
    "parley.role": role,
    ...(code ? { "error.type": code } : {}),
  });
}

/** As gRPC writes them: DEADLINE_EXCEEDED. */
export function statusCode(code: ErrorCode | undefined): string {
  if (!code) return "OK";
  return Code[errorKinds[code].grpc].replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
