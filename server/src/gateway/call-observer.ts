/** What is told of every call that reaches the gateway: its span, its duration by outcome, and at debug level a line in the log. */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { SpanKind, type SpanOptions } from "@opentelemetry/api";
import { MessengerService } from "@parley/api/v2/messenger";
import type { Caller } from "#gateway/call.ts";
import type { ErrorCode, PublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";
import { createRpcMetrics, type RecordRpc, rpcMethod, statusCode } from "#platform/telemetry/rpc-metrics.ts";
import { endSpan } from "#platform/telemetry/tracing.ts";
import type { Telemetry } from "#platform/telemetry.ts";
import type { Trace } from "#platform/trace.ts";
import { isUuid } from "#platform/uuid.ts";

/** rpc.system.name of calls that are not plain HTTP. */
export type RpcSystem = "grpc" | "connectrpc" | "websocket";

export interface FinishedCall {
  /** By performance.now(). */
  startedAtMs: number;
  trace: Trace | undefined;
  caller: Caller | undefined;
  /** Undefined: it succeeded. */
  told: PublicError | undefined;
  chatId?: string | undefined;
}

export interface RpcObserver {
  accept(method: DescMethod, traceparent: unknown): Trace;
  /** Undefined for a send that shall cost nothing: not recorded, and its trace not begun by the client. */
  acceptCheaply(method: DescMethod, traceparent: string | undefined): Trace | undefined;
  finished(method: DescMethod, call: FinishedCall): void;
}

export interface CallObserver {
  readonly telemetry: Telemetry;
  readonly log: Log;
  of(system: RpcSystem): RpcObserver;
  /** A line for a finished call, when the log is so detailed. */
  logFinished(called: string, call: FinishedCall): void;
}

export function createCallObserver(telemetry: Telemetry, log: Log): CallObserver {
  const observer: CallObserver = {
    telemetry,
    log,
    of: (system) => createRpcObserver(observer, system),
    logFinished(called, { startedAtMs, trace, caller, told, chatId }) {
      if (!log.isLevelEnabled("debug")) return;
      const durationMs = Math.round((performance.now() - startedAtMs) * 1_000) / 1_000;
      const code = told?.code ?? "ok";
      const ids = callIds({ trace, caller, chatId });
      log.debug({ called, code, durationMs, ...ids }, "a call finished");
    },
  };
  return observer;
}

/** Whose call it was, for the log. Nothing but ids gets there, whatever was sent as one. */
export function callIds({ trace, caller, chatId }: Pick<FinishedCall, "trace" | "caller" | "chatId">) {
  return {
    traceId: trace?.traceId,
    spanId: trace?.span && trace.spanId,
    userId: caller?.userId,
    chatId: chatId !== undefined && isUuid(chatId) ? chatId : undefined,
  };
}

/** The chat that a request is about, if any. */
export function chatIdOf(request: Message): string | undefined {
  const { chatId } = request as { chatId?: unknown };
  return typeof chatId === "string" ? chatId : undefined;
}

function createRpcObserver(observer: CallObserver, system: RpcSystem): RpcObserver {
  const { telemetry, log } = observer;
  const record: RecordRpc = createRpcMetrics(telemetry, { side: "server", system, role: "gateway" });
  const spans = new Map<DescMethod, { name: string; options: SpanOptions }>();
  const spanOf = (method: DescMethod) => {
    const known = spans.get(method);
    if (known) return known;
    const name = rpcMethod(method);
    const attributes = { "rpc.system.name": system, "rpc.method": name, "parley.role": "gateway" };
    const made = { name, options: { kind: SpanKind.SERVER, attributes } };
    spans.set(method, made);
    return made;
  };
  const accept: RpcObserver["accept"] = (method, traceparent) => {
    const { name, options } = spanOf(method);
    return telemetry.tracing.accept(traceparent, name, options);
  };
  return {
    accept,
    acceptCheaply(method, traceparent) {
      const isSend = method === MessengerService.method.sendMessage;
      // All others can afford an id by which the services' logs can be told together.
      if (!isSend || log.isLevelEnabled("debug")) return accept(method, traceparent);
      const { name, options } = spanOf(method);
      return telemetry.tracing.acceptCheaply(traceparent, name, options);
    },
    finished(method, call) {
      const code: ErrorCode | undefined = call.told?.code;
      record(method, code, call.startedAtMs);
      const span = call.trace?.span;
      if (span) endSpan(span.setAttribute("rpc.response.status_code", statusCode(code)), code);
      observer.logFinished(rpcMethod(method), call);
    },
  };
}
